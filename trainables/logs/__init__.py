"""Files in which trainings write down what each epoch reached: read whole (`steadytune replay`) or while they grow."""
