"""Recorded trainings again in virtual time: what would another scheduler, other settings or more workers have done?"""
