"""Medians, their spread and ratios of what the rounds of a run gave, and tables of them in Markdown."""
import statistics


def summary(values):
    """For JSON; null when there are none."""
    return {'median': statistics.median(values), 'min': min(values), 'max': max(values)} if values else None


def cell(values, form='{:,.0f}'):
    """The median, with lowest and highest behind it where there is more than one round; empty for none."""
    if not values:
        return ''
    text = form.format(statistics.median(values))
    return text if len(values) == 1 else '%s (%s–%s)' % (text, form.format(min(values)), form.format(max(values)))


def ratios(ours, theirs):
    """Round by round: two figures of a round were measured close to each other, so a slow minute strikes both alike."""
    return [our / their for our, their in zip(ours, theirs, strict=True) if their > 0]


def column(results, name):
    """One figure of every round; empty when any round lacks it."""
    values = [result.get(name) for result in results]
    return [] if None in values else values


def table(head, rows):
    lines = ['| %s |' % ' | '.join(head), '|' + ' --- |' * len(head)]
    return '\n'.join(lines + ['| %s |' % ' | '.join(row) for row in rows])
