"""tools/flamegraph folds what perf script prints, and draws boxes as wide as their share, each inside the one it stands on."""
import os
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, '..', '..', 'tools', 'flamegraph')
SVG = '{http://www.w3.org/2000/svg}'

FOLDED = '''\
wal commit;less<int>;[unknown];ext4_sync_file_[k] 1
worker-0 1
worker-0;worker_main;batch_run;[libck.so.0.7.1] 1
worker-0;worker_main;batch_run;tree_add 2
worker-0;worker_main;io_uring_submit_and_wait;entry_SYSCALL_64_after_hwframe_[k];tcp_sendmsg_[k] 1
'''


def draw(text, *options, status=0):
    done = subprocess.run([sys.executable, TOOL, *options], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == status, (done.returncode, done.stderr)
    return done.stdout


def recorded():
    with open(os.path.join(HERE, 'perf_script.txt')) as file:
        return file.read()


def boxes_of(svg):
    """[(title, x, y, width, label)] of the graph."""
    boxes = []
    for group in ElementTree.fromstring(svg).iter(SVG + 'g'):
        title, rect, text = group.find(SVG + 'title'), group.find(SVG + 'rect'), group.find(SVG + 'text')
        if title is not None:
            boxes.append((title.text, *(float(rect.get(name)) for name in ('x', 'y', 'width')),
                          None if text is None else text.text))
    return boxes


class Flamegraph(unittest.TestCase):
    def test_folds(self):
        self.assertEqual(draw(recorded(), '--folded'), FOLDED)

    def test_without_samples(self):
        self.assertEqual(draw('', '--folded'), '')
        self.assertEqual(draw('', status=1), '')
        self.assertEqual(draw('nonsense\n\n\tmore of it\n', '--folded'), '')

    def test_draws(self):
        svg = draw(recorded(), '--title', 'a < b', '--note', 'cpu-clock & more')
        self.assertIn('a &lt; b', svg)
        self.assertIn('6 samples, cpu-clock &amp; more', svg)
        boxes = {box[0]: box[1:] for box in boxes_of(svg)}
        whole = boxes['all (thread): 100.00 %, 6 samples']
        self.assertAlmostEqual(whole[2], 1180, delta=0.5)
        for title, samples in (('worker-0 (thread): 83.33 %, 5 samples', 5),
                               ('worker_main (user): 66.67 %, 4 samples', 4),
                               ('batch_run (user): 50.00 %, 3 samples', 3),
                               ('tree_add (user): 33.33 %, 2 samples', 2),
                               ('[libck.so.0.7.1] (library): 16.67 %, 1 sample', 1),
                               ('io_uring_submit_and_wait (library): 16.67 %, 1 sample', 1),
                               ('tcp_sendmsg (kernel): 16.67 %, 1 sample', 1),
                               ('ext4_sync_file (kernel): 16.67 %, 1 sample', 1),
                               ('less<int> (user): 16.67 %, 1 sample', 1)):
            self.assertAlmostEqual(boxes[title][2], whole[2] * samples / 6, delta=0.5, msg=title)

    def test_each_stands_on_its_caller(self):
        boxes = boxes_of(draw(recorded()))
        self.assertEqual(len(boxes), 13)
        for title, left, top, width, label in boxes:
            if title.startswith('all '):
                continue
            below = [box for box in boxes if box[2] > top and box[2] - top < 20 and box[1] <= left + 0.01 and
                     box[1] + box[3] >= left + width - 0.01]
            self.assertEqual(len(below), 1, title)
            beside = [box for box in boxes if box[2] == top and box[0] != title]
            for other in beside:
                self.assertTrue(other[1] >= left + width or other[1] + other[3] <= left, (title, other))
            if label is not None:
                self.assertLess(len(label) * 6, width, title)

    def test_stands_alone(self):
        svg = draw(recorded())
        self.assertIsNone(re.search(r'href|<script|url\(|@import', svg))


if __name__ == '__main__':
    unittest.main()
