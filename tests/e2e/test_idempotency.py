#!/usr/bin/env python3
"""A request with an idempotency key that is repeated counts once: behind kill -9, and of a thousand clients at once."""
from harness import *

ITEMS = 1000
CLIENTS = scaled(1000)
BUCKET = 20260101


def v2(op, idempotency_key=None, **members):
    request = dict({'v': 2, 'op': op, 'series': 'a'}, **members)
    if idempotency_key is not None:
        request['idempotency_key'] = idempotency_key
    return json.dumps(request, separators=(',', ':')).encode() + b'\n'


def increment(key):
    return v2('counter.increment', key, key=7, bucket=BUCKET, value=3)


BATCH = v2('series.batch_add', 'batch', items=[[key, BUCKET, 2] for key in range(100, 100 + ITEMS)])


class Idempotency(KarmaTest):
    def success(self, client, line):
        reply = json.loads(client.ask(line))
        self.assertTrue(reply['success'], reply)
        return reply

    def sum(self, client, key):
        return self.success(client, v2('counter.sum', key=key))['response']

    def check(self, client, keys):
        self.assertEqual(self.sum(client, 7), 3 * keys)
        sums = self.success(client, v2('counter.batch_sum', keys=list(range(100, 100 + ITEMS))))['response']
        self.assertEqual({item['value'] for item in sums}, {2})

    def test_kill(self):
        """answered before kill -9: the repeat gets the answer"""
        server = self.start()
        client = self.client()
        self.assertFalse(self.success(client, increment('one'))['idempotent'])
        self.assertEqual(self.success(client, BATCH)['response'], {'applied': ITEMS, 'total': 2 * ITEMS})
        for _ in range(3):
            server.kill()
            server = self.start()
            client = self.client()
            self.assertEqual(self.success(client, increment('one')),
                             {'protocol_version': 2, 'success': True, 'response': 3, 'idempotent': True,
                              'error_code': None})
            self.assertTrue(self.success(client, BATCH)['idempotent'])
            self.check(client, 1)
            self.assertEqual(json.loads(client.ask(v2('counter.reset', 'one', key=7)))['error_code'],
                             'idempotency_conflict')

    def test_kill_unanswered(self):
        """killed at any moment: repeated until answered, counted once"""
        server = self.start()
        for i in range(10):
            client = self.client(server)
            client.send(increment(i) + BATCH)
            time.sleep(i * 0.0005)
            server.kill()
            server = self.start()
            client = self.client(server)
            for line in (increment(i), BATCH):
                self.success(client, line)
            self.check(client, i + 1)

    def test_thousand_clients(self):
        """a thousand clients with one key, killed in between"""
        server = self.start()
        for kill in (False, True):
            line = increment('kill' if kill else 'all')
            clients = [server.client() for _ in range(CLIENTS)]
            for client in clients:
                client.send(line)
            if kill:
                server.kill()
                server = self.start()
                for client in clients:
                    client.close()
                clients = [server.client() for _ in range(CLIENTS)]
                for client in clients:
                    client.send(line)
            replies = [json.loads(client.line()) for client in clients]
            for client in clients:
                client.close()
            self.assertEqual({(reply['success'], reply['response']) for reply in replies}, {(True, 3)})
            fresh = sum(not reply['idempotent'] for reply in replies)
            self.assertTrue(fresh <= 1 if kill else fresh == 1)
            self.assertEqual(self.sum(self.client(server), 7), 6 if kill else 3)

    def test_thousand_deletes(self):
        """parked on a request of the maintenance thread, some of them gone before their turn"""
        for options in ((), ('--wal=false',)):
            server = self.start(*options)
            client = self.client(server)
            self.success(client, v2('series.batch_add', items=[[key, BUCKET, 1] for key in range(3000)]))
            line = v2('tree.delete_range', 'delete', range={'from': BUCKET, 'to': BUCKET})
            clients = [server.client() for _ in range(CLIENTS)]
            for other in clients:
                other.send(line + v2('system.ping'))
            for other in clients[::2]:
                other.reset()
            for other in clients[1::2]:
                self.assertTrue(json.loads(other.line())['success'])
                self.assertEqual(json.loads(other.line())['response'], 'pong')
                other.close()
            self.assertTrue(self.success(client, line)['idempotent'])
            server.stop()


if __name__ == '__main__':
    main()
