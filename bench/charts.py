"""Charts as gnuplot draws them: one look for all, on white, with colours that the colour-blind can tell apart."""
import subprocess

TERMINALS = {'svg': "svg size 960,560 dynamic background rgb 'white' font 'sans-serif,17'",
             'png': "pngcairo size 1440,840 background rgb 'white' font 'sans-serif,19' linewidth 1.4"}
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#555555', '#999999')
# One server looks the same on every chart.
OWN_COLOURS = {'karma': 0, 'redis': 1, 'memcached': 2, 'valkey': 3, 'redis-benchmark': 4, 'valkey-benchmark': 5, 'floor': 6}
LOOK = '''
set encoding utf8
set border 3 linecolor rgb '#444444' linewidth 1
set tics nomirror out scale 0.6 textcolor rgb '#222222'
set grid y linecolor rgb '#dddddd' linewidth 1 linetype 1
set key noenhanced Left reverse spacing 1.25 samplen 2
set title noenhanced font ',20' offset 0,0.3
set xlabel noenhanced
set ylabel noenhanced offset -1,0
set lmargin 13
set rmargin 4
set pointsize 0.9
set errorbars small linewidth 1.2
'''


class Chart:
    """Lines of a gnuplot script. Points are tuples of numbers; a series has a legend, points and a style."""

    def __init__(self, title, x, y):
        self.lines = ['set title %s' % quoted(title), 'set xlabel %s' % quoted(x), 'set ylabel %s' % quoted(y)]
        self.plots = []

    def add(self, *lines):
        self.lines.extend(lines)

    def series(self, legend, points, style='lines linewidth 2.5', colour=None):
        """Points of four are x, y, lowest and highest, which become a bar."""
        name = '$series%d' % len(self.plots)
        self.lines += [name + ' << END', *(' '.join('%.9g' % number for number in point) for point in points), 'END']
        colour = COLOURS[(len(self.plots) if colour is None else colour) % len(COLOURS)]
        bars = "%s using 1:2:3:4 with yerrorbars pointtype 0 linecolor rgb '%s' notitle, " % (name, colour) if len(points[0]) == 4 else ''
        self.plots.append("%s%s using 1:2 with %s linecolor rgb '%s' title %s" % (bars, name, style, colour, quoted(legend)))

    def draw(self, format_name, path):
        script = ['set terminal ' + TERMINALS[format_name], 'set output ' + quoted(path), LOOK, *self.lines,
                  'plot ' + ', \\\n '.join(self.plots)]
        subprocess.run(['gnuplot'], input='\n'.join(script) + '\n', text=True, encoding='utf-8', check=True)


def quoted(text):
    return "'%s'" % text.replace("'", "''")


def tics(axis, marks):
    """marks: text by place."""
    return 'set %stics (%s)' % (axis, ', '.join('%s %.9g' % (quoted(text), place) for place, text in marks.items()))


def microseconds(us):
    for size, unit in ((1e6, 's'), (1e3, 'ms')):
        if us >= size:
            return '%g %s' % (us / size, unit)
    return '%g µs' % us


def log_y(values, label=microseconds):
    """A logarithmic axis just around the values: tics at every decade, and at 2 and 5 where there are few of them."""
    low, high = min(values) / 1.4, max(values) * 1.4
    steps = (1, 2, 5) if high / low < 2000 else (1,)
    places = [step * 10.0 ** exponent for exponent in range(-3, 9) for step in steps]
    return ('set logscale y', 'set yrange [%g:%g]' % (low, high),
            tics('y', {place: label(place) for place in places if low <= place <= high}))
