"""script/bench's results as files, and the charts and tables that script/report makes of them."""

import argparse
import itertools
import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest

import made_up_results
import nextid

import chart
import common
import report
import results
import shown

pytestmark = pytest.mark.not_accounted("it starts no server")

SCHEMA = json.loads((nextid.REPOSITORY / "bench" / "results.schema.json").read_text())
RESULTS = sorted(path.name for path in (nextid.REPOSITORY / "bench" / "results").glob("*.json"))
SVG = "{http://www.w3.org/2000/svg}"
PICTURES = [name for name, block in report.BLOCKS.items() if block.picture]


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A checkout that nobody may change."""
    root = tmp_path_factory.mktemp("made-up")
    made_up_results.checkout(root)
    return root


@pytest.fixture
def checkout(made_up, tmp_path):
    return shutil.copytree(made_up, tmp_path / "checkout")


def run(root, *arguments):
    return subprocess.run(["/usr/bin/python3", nextid.REPOSITORY / "bench" / "report.py", root, *arguments],
                          capture_output=True, text=True, timeout=60)


# ---- Results

def test_results_are_as_the_schema_says(made_up):
    paths = sorted((made_up / "bench/results").glob("*.json"))
    assert [path.stem for path in paths] == sorted(shown.ALL)
    for path in paths:
        written = json.loads(path.read_text())
        jsonschema.validate(written, SCHEMA)
        assert written["benchmark"] == path.stem
        assert all(len(each["values"]) in (1, written["rounds"]) for each in written["figures"])


def test_the_schema_refuses_what_names_a_host(made_up):
    written = json.loads((made_up / "bench/results/sqlite.json").read_text())
    written["machine"]["host"] = "build-7"
    with pytest.raises(jsonschema.ValidationError, match="host"):
        jsonschema.validate(written, SCHEMA)


@pytest.mark.parametrize("name", RESULTS)
def test_the_results_of_the_documents(name):
    written = json.loads((nextid.REPOSITORY / "bench" / "results" / name).read_text())
    jsonschema.validate(written, SCHEMA)
    assert f"{written['benchmark']}.json" == name
    assert written["rounds"] >= 2, "one round tells no spread"


def test_the_machine():
    machine = results.machine()
    assert set(machine) == set(SCHEMA["properties"]["machine"]["properties"])
    assert machine["cores"] >= 1 and machine["file_system"]
    assert re.fullmatch(r"\d[\d.]*\d", machine["kernel"])


# Those of the other peers are installed for benchmarks only.
@pytest.mark.parametrize("peer", ["Redis", "PostgreSQL", "MariaDB", "etcd", "dynalite"])
def test_a_version(peer):
    assert re.fullmatch(r"\d+\.\d[\w.]*", results.VERSIONS[peer]())


def test_every_benchmark_takes_json():
    """And is told to by script/bench; what a benchmark looks at before it measures is the file's folder."""
    script = (nextid.REPOSITORY / "script" / "bench").read_text()
    programs = re.findall(r"\[\w+\]=(\w+)", script)
    assert len(set(programs)) >= 9
    for program in programs:
        code = (nextid.REPOSITORY / "bench" / f"{program}.py").read_text()
        assert re.search(r"common\.(parser_of|options_of)\(", code) and "results.write()" in code, program


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path):
    assert common.writable_file(str(tmp_path / "new" / "a.json")) == tmp_path / "new" / "a.json"
    with pytest.raises(argparse.ArgumentTypeError, match="cannot be written"):
        common.writable_file(str(tmp_path))


# ---- Documents

def test_the_documents_are_current():
    done = run(nextid.REPOSITORY, "--check")
    assert done.returncode == 0, f"{done.stdout}run script/report"


def test_every_block_is_in_one_document():
    found = [name for document in report.DOCUMENTS
             for _, name, _ in report.BLOCK.findall((nextid.REPOSITORY / document).read_text())]
    assert sorted(found) == sorted(report.BLOCKS)


def test_every_chart_is_of_a_block():
    there = {path.name for path in (nextid.REPOSITORY / report.CHARTS).glob("*")}
    assert there <= {f"{name}-{theme}.svg" for name in PICTURES for theme in chart.THEMES}


def test_a_report(checkout):
    before = (checkout / "README.md").read_text()
    assert run(checkout, "--check").returncode == 1
    assert (checkout / "README.md").read_text() == before
    assert run(checkout).returncode == 0
    done = run(checkout, "--check")
    assert (done.returncode, done.stdout) == (0, "")
    readme, page = ((checkout / document).read_text() for document in report.DOCUMENTS)
    assert "| SQLite | Redis `INCR`, `appendfsync always` | 2,610 \\| 4,388 | 77,140 \\| 67,202 (64) | " in readme
    assert "| PostgreSQL 12 | prepared `UPDATE … RETURNING` | 2,610 \\| 4,388 | 41,125 \\| 2,430 | " in readme
    assert "| 32 | 41,125 | 41,125 | 2,430 | 17 | 48,717 | 0.84 | 1/32 | 0.50, 5.00 |" in page
    assert "| 32, as many each | 41,125 | 82,250 (2.0) | 164,500 (4.0) |" in page
    assert "| 32 | 41,125 | 2,430 | 17 | 1/32 | $0.020 | 0.50, 5.00 |" in page
    assert 'srcset="docs/charts/overview-dark.svg"' in readme and 'src="charts/etcd-light.svg"' in page
    for document in report.DOCUMENTS:
        for name in re.findall(r'src(?:set)?="([^"]+)"', (checkout / document).read_text()):
            assert ((checkout / document).parent / name).exists()


def test_text_around_the_blocks_stays(checkout):
    def around(document):
        return report.BLOCK.sub("", (checkout / document).read_text())
    before = [around(document) for document in report.DOCUMENTS]
    run(checkout)
    assert [around(document) for document in report.DOCUMENTS] == before


def test_a_block_without_its_results_stays(tmp_path):
    made_up_results.checkout(tmp_path, ["mysql"])
    before = (tmp_path / "README.md").read_text()
    done = run(tmp_path)
    assert done.returncode == 0 and "left as it is: etcd, without bench/results/etcd.json\n" in done.stdout
    assert (tmp_path / "README.md").read_text() == before
    assert sorted(path.name for path in (tmp_path / report.CHARTS).iterdir()) == ["mysql-dark.svg", "mysql-light.svg"]


def test_no_results_change_nothing(tmp_path):
    made_up_results.checkout(tmp_path, [])
    before = [(tmp_path / document).read_text() for document in report.DOCUMENTS]
    assert run(tmp_path).returncode == 0
    assert [(tmp_path / document).read_text() for document in report.DOCUMENTS] == before
    assert not (tmp_path / report.CHARTS).exists()


def test_results_without_a_figure_are_refused(checkout):
    path = checkout / "bench/results/sqlite.json"
    written = json.loads(path.read_text())
    written["figures"] = [each for each in written["figures"] if each["what"] != "resident memory"]
    path.write_text(json.dumps(written))
    done = run(checkout)
    assert done.returncode == 1 and "the results of 'sqlite' have 0 figures of {'what': 'resident memory'}" in done.stderr


def test_an_unknown_block_is_refused(checkout):
    page = checkout / "docs/benchmarks.md"
    page.write_text(page.read_text() + "<!-- report: oracle -->\n<!-- end -->\n")
    done = run(checkout)
    assert done.returncode == 1 and "there is no block 'oracle'; choose overview, " in done.stderr


@pytest.mark.parametrize("ours, theirs, says", [(95, 100, "0.95"), (1.994, 1, "1.99"), (1.995, 1, "2.0"), (2, 1, "2.0"),
                                                (9.94, 1, "9.9"), (9.96, 1, "10"), (66_950, 29, "2,309")])
def test_ratios(ours, theirs, says):
    assert shown.ratio(ours, theirs) == says


# ---- Charts

@pytest.fixture(params=PICTURES)
def drawn(request, made_up):
    return report.BLOCKS[request.param].picture(report.read_results(made_up))


@pytest.mark.parametrize("theme", chart.THEMES)
def test_a_chart(drawn, theme):
    text = chart.svg(drawn, theme)
    assert text == chart.svg(drawn, theme)
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img" and root.get("aria-labelledby") == "title desc"
    assert [root.find(f"{SVG}{name}").get("id") for name in ("title", "desc")] == ["title", "desc"]
    description = root.findtext(f"{SVG}desc")
    for bar in drawn.bars():
        assert f"{drawn.legend[bar.series]} {bar.median:,.0f}" in description
    assert not re.search(r"href|url\(|<style|<script|@import", text)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_themes_differ_in_colours_alone(drawn):
    light, dark = (re.sub(r"#[0-9a-f]{6}", "#", chart.svg(drawn, theme)) for theme in chart.THEMES)
    assert light == dark


def boxes(root):
    """Of texts, as wide as they may be: (left, right, baseline)."""
    for text in root.iter(f"{SVG}text"):
        x, y, size = (float(text.get(name)) for name in ("x", "y", "font-size"))
        spans = [(text.text, size, x, y, text.get("font-weight") == "600")]
        for span in text:
            after = spans[-1][2] + chart.width_of(spans[-1][0], size, spans[-1][4])
            spans.append((span.text, float(span.get("font-size", size)),
                          float(span.get("x", after + float(span.get("dx", 0)))), y + float(span.get("dy", 0)),
                          span.get("font-weight") == "600"))
        for words, size, x, y, is_bold in spans:
            width = chart.width_of(words, size, is_bold)
            left = x - {"end": width, "middle": width / 2, None: 0, "start": 0}[text.get("text-anchor")]
            yield left, left + width, y


def test_all_is_inside_of_the_chart(drawn):
    root = ElementTree.fromstring(chart.svg(drawn, "light"))
    width, height = map(float, root.get("viewBox").split()[2:])
    for left, right, y in boxes(root):
        assert 0 <= left < right <= width and 0 < y < height
    for box in root.iter(f"{SVG}rect"):
        x, y, wide, high = (float(box.get(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x < x + wide <= width and 0 <= y < y + high <= height
    for path in root.iter(f"{SVG}path"):
        assert all(0 <= float(each) <= max(width, height) for each in re.findall(r"[\d.]+", path.get("d")))


def test_bars_are_as_long_as_their_figures():
    linear = chart.Scale([10, 100], 20, 120)
    assert not linear.is_log and [linear.at(value) for value in (0, 50, 100)] == [20, 70, 120]
    logarithmic = chart.Scale([20, 100_000], 0, 100)
    assert logarithmic.is_log and [round(logarithmic.at(value)) for value in (10, 100, 1000, 100_000)] == [0, 25, 50, 100]
    assert logarithmic.ticks() == [10, 100, 1000, 10_000, 100_000]


@pytest.mark.parametrize("top, ticks", [(102_017, [0, 20_000, 40_000, 60_000, 80_000, 100_000]), (5, [0, 1, 2, 3, 4, 5]),
                                        (3.9, [0, 1, 2, 3]), (1, [0, 0.2, 0.4, 0.6, 0.8, 1])])
def test_ticks(top, ticks):
    assert chart.Scale([top / 2, top], 0, 1).ticks() == pytest.approx(ticks)


def luminance(colour):
    def linear(part):
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    red, green, blue = (linear(colour[i:i + 2]) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", chart.THEMES)
def test_contrast(theme):
    """WCAG: 4.5 for text, 3 for what carries a meaning; and bars of one chart are told apart without hue."""
    colours = chart.THEMES[theme]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for name in ("ink", "quiet"):
        assert contrast(colours[name], colours["ground"]) >= 4.5, name
    for bar in colours["bars"]:
        assert contrast(bar, colours["ground"]) >= 3, bar
    for one, other in itertools.combinations(colours["bars"], 2):
        distance = math.dist(*([int(each[i:i + 2], 16) for i in (1, 3, 5)] for each in (one, other)))
        assert distance > 60, (one, other)


def test_the_pictures_of_the_links_check(tmp_path):
    """script/lint looks at pictures as at links."""
    shutil.copytree(nextid.REPOSITORY / "script" / "lib", tmp_path / "script" / "lib")
    (tmp_path / "README.md").write_text('<picture>\n  <source media="x" srcset="there.svg">\n'
                                        '  <img alt="" src="gone.svg">\n</picture>\n')
    (tmp_path / "there.svg").write_text("<svg/>")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    done = subprocess.run(["/usr/bin/python3", tmp_path / "script" / "lib" / "check_links.py"], capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "README.md links to gone.svg: there is no such file\n")
