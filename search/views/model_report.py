"""What models do on held-out data, as a part of an HTML page: numbers, curves, confusion, calibration, pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from search.views.charts.chart import PALETTE, Chart, Panel, Series, Table
from search.views.charts.png import png
from search.views.embedded_image import drawing
from search.views.html_page import html_table, page
from search.views.html_text import escape
from search.views.model_gallery import gallery
from trainables.atomic import write_file
from trainables.errors import SteadytuneError
from trainables.held_out import HeldOut
from trainables.judged import JudgedModel
from trainables.metric_text import metric_text
from trainables.model_report import ModelReport

PAGE, DATA = "report.html", "report.json"
MOST_NAMED = 3
"""Mistakes that are told in words."""
MOST_LINES, MOST_CONFUSED = 8, 20
"""Classes in one figure of curves (those with the most objects), and in a confusion matrix (with the most mistakes)."""
STYLE = """<style>
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--wide)), 1fr)); }
.gallery { display: flex; flex-wrap: wrap; gap: .6rem; align-items: flex-start; margin-bottom: 1rem; }
figure { margin: 0; max-width: 100%; } figure img { max-width: 100%; }
figcaption { font-size: .82em; color: #444; max-width: 46rem; }
h4 { margin: .6rem 0 .2rem; font-weight: 500; }
.confusion td { text-align: right; } .confusion td.name { text-align: left; }
img.chart { max-width: max(100%, 44rem); }
</style>"""
WORDS = {
    "map50_95": "AP, mean of IoU 0.50 to 0.95 (COCO)",
    "map50": "AP at IoU 0.50",
    "map75": "AP at IoU 0.75",
    "map50_95_small": "AP of small objects, below 32² pixels",
    "map50_95_medium": "AP of medium objects",
    "map50_95_large": "AP of large objects, above 96² pixels",
    "accuracy": "accuracy",
    "mean_class_accuracy": "accuracy, mean over classes",
    "precision": "precision, mean over classes",
    "recall": "recall, mean over classes",
    "f1": "F1, mean over classes",
}


def write_report(title: str, judged: tuple[Sequence[HeldOut], JudgedModel], folder: Path) -> Path:
    """Write the report on one model into `folder`: the page, which is returned, and the numbers as JSON.

    Raises:
        SteadytuneError: the folder cannot be written.
    """
    examples, model = judged
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / DATA, json.dumps(model.report.as_json(), indent=1))
        return write_file(folder / PAGE, page(title, model_parts(examples, [model])))
    except OSError as error:
        reason = f"cannot be written ({str(error.strerror).lower()}); give another folder"
        raise SteadytuneError(f"--report is {folder}; {reason}") from None


def model_parts(examples: Sequence[HeldOut], models: Sequence[JudgedModel]) -> Iterator[str]:
    """The report as parts of a page, of at least one model; all are of one recipe and were shown the same examples."""
    yield STYLE
    for model in models:
        yield f"<p>{escape(f'{model.title}: {mistakes_sentence(model.report)}')}</p>"
    yield html_table(_metrics(models))
    yield html_table(_classes(models))
    if groups := _groups(models):
        yield html_table(groups)
    if tracks := _tracks(models):
        yield html_table(tracks)
    for model in models:
        yield _confusion(model)
    for chart in (*filter(None, map(_curves, models)), _calibration(models)):
        image = f"<img class='chart' src='{drawing(png(replace(chart, title='')))}' alt='{escape(chart.title)}'>"
        yield f"<h2>{escape(chart.title)}</h2>\n<div class='wide'>{image}</div>"
    yield f"<h2>{'Clips and pictures' if examples[0].boxes is None else 'Pictures'}</h2>"
    yield from gallery(examples, models)


def mistakes_sentence(report: ModelReport) -> str:
    """What a model confuses most, in words."""
    names, matrix = report.confusion_names, report.confusion
    counts = [
        (count, row, column)
        for row, cells in enumerate(matrix)
        for column, count in enumerate(cells)
        if count and row != column
    ]
    if not counts:
        return "no mistakes at this threshold."
    background = len(names) - 1 if report.threshold is not None else -1
    words = []
    for count, row, column in sorted(counts, key=lambda cell: -cell[0])[:MOST_NAMED]:
        if column == background:
            words.append(f"misses {names[row]} {count} times of {sum(matrix[row])}")
        elif row == background:
            words.append(f"finds {names[column]} {count} times where there is none")
        else:
            words.append(f"takes {names[row]} for {names[column]} {count} times")
    return f"its most frequent mistakes: {'; '.join(words)}."


def _metrics(models: Sequence[JudgedModel]) -> Table:
    names = dict.fromkeys(name for model in models for name in model.report.metrics)
    guesses = models[0].report.guesses
    columns = {model.title: model.report.metrics for model in models} | dict(guesses)
    rows = [(WORDS.get(name, name), *(metric_text(values.get(name)) for values in columns.values())) for name in names]
    blank = ("–",) * len(guesses)
    if models[0].report.threshold is not None:
        thresholds = (metric_text(model.report.threshold) for model in models)
        rows.append(("best threshold of scores, of the mean F1", *thresholds, *blank))
    errors = (metric_text(model.report.calibration_error) for model in models)
    rows.append(("calibration error of scores", *errors, *blank))
    note = f"On {models[0].report.examples:,} held-out examples."
    if models[0].report.threshold is not None:
        note += (
            " Precision, recall and F1 are at the best threshold and an IoU of 0.50, by Ultralytics' functions; AP is"
            " COCO's, which Ultralytics interpolates otherwise."
        )
    if guesses:
        note += " The last columns guess, by how often these examples have each class."
    return Table("Results", ("", *columns), tuple(rows), note)


def _classes(models: Sequence[JudgedModel]) -> Table:
    of_boxes = models[0].report.threshold is not None
    parts = ("precision", "recall", "F1", "AP") if of_boxes else ("precision", "recall", "F1")
    columns = ["class", "objects" if of_boxes else "examples"]
    columns += [f"{model.title}: {part}" if len(models) > 1 else part for model in models for part in parts]
    by_name = [{row.name: row for row in model.report.classes} for model in models]
    rows = []
    for row in models[0].report.classes:
        cells = [row.name, f"{row.examples:,}"]
        for classes in by_name:
            of_class = classes[row.name]
            values = [
                of_class.precision,
                of_class.recall,
                of_class.f1,
                *([of_class.values["map50_95"]] if of_boxes else []),
            ]
            cells += map(metric_text, values)
        rows.append(tuple(cells))
    return Table("By class", tuple(columns), tuple(rows))


def _groups(models: Sequence[JudgedModel]) -> Table | None:
    names = list(models[0].report.groups)
    metrics = dict.fromkeys(name for group in models[0].report.groups.values() for name in group if name != "pictures")
    rows = [
        (
            *(group, f"{models[0].report.groups[group]['pictures']:.0f}", WORDS.get(metric, metric)),
            *(metric_text(model.report.groups.get(group, {}).get(metric)) for model in models),
        )
        for group in names
        for metric in metrics
    ]
    columns = ("part", "pictures", "", *(model.title for model in models))
    return Table("By part of the held-out split", columns, tuple(rows)) if rows else None


def _tracks(models: Sequence[JudgedModel]) -> Table | None:
    names = {"idsw": "ID switches", "mota": "MOTA", "idf1": "IDF1", "hota": "HOTA"}
    rows = [
        (tracker, name, *(f"{model.report.tracks[tracker][metric]:.4g}" for model in models))
        for tracker in models[0].report.tracks
        for metric, name in names.items()
    ]
    note = "On held-out sequences, by TrackEval. Who finds little switches little: see HOTA beside the switches."
    columns = ("tracker", "", *(model.title for model in models))
    return Table("Objects followed through sequences", columns, tuple(rows), note) if rows else None


def _confusion(model: JudgedModel) -> str:
    """A table in which a cell is the darker, the larger its share of the row."""
    report = model.report
    names, matrix = report.confusion_names, report.confusion
    mistakes = [sum(row) + sum(other[index] for other in matrix) - 2 * row[index] for index, row in enumerate(matrix)]
    chosen = sorted(sorted(range(len(names)), key=lambda index: -mistakes[index])[:MOST_CONFUSED])
    head = "".join(f"<th>{escape(names[index])}</th>" for index in chosen)
    rows = "".join(
        f"<tr><td class='name'>{escape(names[row])}</td>{_cells(matrix[row], row, chosen)}</tr>" for row in chosen
    )
    note = "Rows: what is there. Columns: what the model says."
    if report.threshold is not None:
        note += (
            f" At the best threshold, {report.threshold:.3f}; the last row holds false alarms, the last column misses;"
            " boxes of any class are matched from an IoU of 0.45 on, as Ultralytics does it, which counts at a score of"
            " 0.25."
        )
    if len(chosen) < len(names):
        note += f" The {len(chosen)} classes with the most mistakes, of {len(names)}."
    table = f"<table class='confusion'><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return (
        f"<h2>{escape(f'Confusion matrix: {model.title}')}</h2><div class='wide'>{table}</div>"
        f"<p class='note'>{escape(note)}</p>"
    )


def _cells(counts: Sequence[int], row: int, chosen: Sequence[int]) -> str:
    total = sum(counts) or 1
    cells = []
    for index in chosen:
        share, colour = counts[index] / total, "46, 160, 67" if index == row else "214, 39, 40"
        look = f" style='background: rgba({colour}, {0.75 * share:.2f})'" if counts[index] else ""
        cells.append(f"<td{look}>{counts[index] or ''}</td>")
    return "".join(cells)


def _curves(model: JudgedModel) -> Chart | None:
    report = model.report
    if not report.curves:
        return None
    axes = {
        "precision_recall": ("Precision and recall", "recall", "precision"),
        "f1": ("F1", "score", "F1"),
        "precision": ("Precision", "score", "precision"),
        "recall": ("Recall", "score", "recall"),
    }
    panels = tuple(Panel(title, x, y, tuple(_lines(report, name))) for name, (title, x, y) in axes.items())
    left_out = max(0, len(report.classes) - MOST_LINES)
    note = "At an IoU of 0.50." + (f" {left_out} classes with fewer objects are left out." if left_out else "")
    return Chart(f"curves-{model.title}", f"Curves: {model.title}", note, panels, columns=2)


def _lines(report: ModelReport, name: str) -> Iterator[Series]:
    curves = report.curves[name]
    most = sorted(report.classes, key=lambda row: -row.examples)[:MOST_LINES]
    for index, row in enumerate(most if len(report.classes) > 1 else ()):
        yield Series(row.name, tuple(curves["x"]), tuple(curves[row.name]), PALETTE[index % len(PALETTE)])
    yield Series("all classes", tuple(curves["x"]), tuple(curves["all classes"]), "#000000", width=2.5)


def _calibration(models: Sequence[JudgedModel]) -> Chart:
    series = [Series("as it should be", (0.0, 1.0), (0.0, 1.0), "#999999")]
    for index, model in enumerate(models):
        bins = model.report.calibration
        x, y = tuple(bin_.score for bin_ in bins), tuple(bin_.right for bin_ in bins)
        series.append(Series(model.title, x, y, PALETTE[index], marker="o", width=2.0))
    panel = Panel("", "mean score", "share that is right", tuple(series))
    return Chart("calibration", "Calibration of scores", "Below the line: surer than it should be.", (panel,))
