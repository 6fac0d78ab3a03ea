/*
 * snapshot.pml - section 4 of DESIGN.md: exact snapshots of a tree whose writers never stop
 *
 * Modelled: one tree of a few words, workers that do operations in any order, each operation in a section of its own,
 * and the maintenance thread that makes cuts back to back. Checked in every reachable state: no word below 0; no
 * effect logged for a generation of which the snapshot is complete; notes belong to the cut that drains them. At the
 * end of each cut to g + 1: every word that there was in g captured exactly once, others never; every word of the
 * snapshot the sum of the log's effects of generation <= g; total = sum of days; nothing negative; without plain
 * adds, no limit exceeded. And that nothing waits for ever (spin's invalid end states).
 *
 *   here                        there (src/engine)
 *   change(), log_effect()      operation.h: word_change(), operation_landed(), operation_captured(), effect_add()
 *   look(), decided()           hold.h, operation.h: operation_look(), operation_decided()
 *   hold(), release()           hold.c: key_hold(), key_release()
 *   find_or_make()              tree.c, partition.c: tree_record_get(), partition_insert()
 *   add(), reset(), acquire()   add.c, take.c, acquire.c: tree_add(), tree_reset_key(), tree_acquire()
 *   begin(), end_section()      epoch_begin() with operation_begin(), epoch_end()
 *   maintenance()               cut.c: tree_cut(), carry_over(), drain_workers(), complete_keys()
 *
 * One step here is one atomic access there, and what a thread does beside it to its own. Steps are taken together
 * only where that allows more than it hides:
 *   - A section begins in the step that loads generation: then a quiesce waits for fewer of them.
 *   - A quiesce looks at all sections at once, in the step of the store before it, and waits for those alone.
 *     ck_epoch waits for at least these.
 *   - The walk's load and CAS are one step: a CAS that succeeds is that, one that fails does nothing.
 *   - The notes of all workers stand in one place, since only their sums count; they are drained at once.
 *
 * Left out, and why that is safe:
 *   - Weak memory: all is sequentially consistent here. The orders of the C code are argued there, edge by edge.
 *   - Dead words and compaction: between cuts only; test_stress_compact.
 *   - Claiming of slots, day blocks: every slot of a record is there from the start. That a fresh block carries the
 *     parity of its creator's generation is the same rule as for a fresh record, which is modelled (FRESH).
 *   - The absent flag, "above" and "below": further bits and words that holders change as they change days.
 *   - total_grow_slow(): its CAS does what the fetch_add does, or fails.
 *   - Several trees: each has generations and cuts of its own, an operation's parts in two trees share nothing of
 *     these.
 *   - Listed and unlisted: do not touch words.
 *   - More than two cuts: parity has two values, and three generations are met. More keys, days, workers: ./check
 *     varies them as far as a search to the end allows.
 *
 * Scenarios and broken variants (-DOWN_GENERATION ...) stand in ./check. Seen there, with spin 6.5.2 (states, all
 * complete):
 *   days            1 key, 2 days, 2 workers, 2 operations each of add and reset, 2 cuts    18,891,449   882 MB   20 s
 *   keys            2 keys, one of them fresh, 2 x 2 resets and acquires, 2 cuts             8,210,002   468 MB    9 s
 *   three workers   1 key, 1 day, 3 x 1 add or reset, 1 cut                                  3,054,723   253 MB    4 s
 *   three and keys  2 keys, one fresh, 3 x 1 reset or acquire, 1 cut                         3,794,242   285 MB    4 s
 *   all operations  2 keys, one fresh, 2 x 1 of all, 2 cuts                                    846,448   169 MB    1 s
 * Each statement is reached in each of them.
 */
#ifndef KEYS
#define KEYS 1
#endif
#ifndef DAYS
#define DAYS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef OPERATIONS
#define OPERATIONS 2 /* of each worker */
#endif
#ifndef CUTS
#define CUTS 2
#endif
#ifndef FRESH
#define FRESH KEYS /* the key whose record is not there at first; KEYS: none */
#endif
#ifndef LIMIT
#define LIMIT 1
#endif

#define WORDS      (KEYS * (DAYS + 1))
#define TOTAL(k)   ((k) * (DAYS + 1))
#define DAY(k, d)  ((k) * (DAYS + 1) + 1 + (d))
#define KEY_OF(i)  ((i) / (DAYS + 1))
#define PARITY(g)  ((g) % 2)
#define FIRST_GENERATION 1

/* What a change has yet to note. */
#define NOTHING    0
#define NOTE_DELTA 1
#define NOTE_WORD  2

typedef counter { bit parity; bit held; short value };
typedef counts { short by[WORDS] };

/* What the tree holds, and its two generations. */
counter word[WORDS];
bit made[KEYS];
byte generation = FIRST_GENERATION, settled = FIRST_GENERATION;

/* Sections (epoch.c): bits of the workers that are in one, and of those that a quiesce still waits for. */
byte in_section, awaited;

/* The writers' notes, of all workers together, and what the walk captured. */
byte note_cut;
byte note_words[WORDS];
short note_value[WORDS];
byte captured[WORDS];
short snapshot[WORDS];

/* For the assertions: the log by generation, the snapshot before, the last generation of which there is a snapshot. */
counts logged[CUTS + 4];
short before[WORDS];
byte born[KEYS];
byte closed = FIRST_GENERATION - 1;

/* ---- a word (operation.h) ---- */

inline load(i)
{
	seen.parity = word[i].parity;
	seen.held = word[i].held;
	seen.value = word[i].value
}

inline forget_seen()
{
	seen.parity = 0;
	seen.held = 0;
	seen.value = 0
}

/* The operation's part of a word, in its generation: what effect_add() logs. */
inline log_effect(i, delta)
{
	assert(m > closed); /* else a snapshot of that generation went without it */
	logged[m].by[i] = logged[m].by[i] + (delta)
}

/* word_change(). `lets_go` clears held in the same step. */
inline change(i, delta, lets_go)
{
	d_step { load(i) };
	do
	:: seen.parity == PARITY(m) || settled >= m -> /* G2 */
		d_step { /* fetch_add */
			landed = (word[i].parity == PARITY(m) -> m : m + 1);
			word[i].value = word[i].value + (delta);
			assert(word[i].value >= 0);
			if
			:: lets_go -> word[i].held = 0
			:: else
			fi;
			if
			:: !fixed -> /* operation_landed() */
				fixed = 1;
				m = landed
			:: fixed && landed != m ->
#ifdef OWN_GENERATION
				m = landed
#else
#ifndef NO_DELTA_NOTE
				pending = NOTE_DELTA
#endif
#endif
			:: else
			fi;
			log_effect(i, delta);
			forget_seen()
		};
		break
	:: else -> /* older */
		d_step {
			if
			:: word[i].parity == seen.parity && word[i].held == seen.held && word[i].value == seen.value ->
				/* CAS */
				word[i].parity = PARITY(m);
				word[i].value = word[i].value + (delta);
				assert(word[i].value >= 0);
				if
				:: lets_go -> word[i].held = 0
				:: else
				fi;
				fixed = 1; /* operation_captured() */
				landed = m;
				pending = NOTE_WORD;
				log_effect(i, delta)
			:: else -> load(i)
			fi
		};
		if
		:: pending == NOTE_WORD -> break
		:: else
		fi
	od;
	if
	:: pending != NOTHING ->
		d_step { /* operation_note() */
			assert(note_cut == 0 || note_cut == landed);
			note_cut = landed;
			if
			:: pending == NOTE_WORD ->
				note_words[i]++;
				note_value[i] = note_value[i] + seen.value
			:: else -> note_value[i] = note_value[i] + (delta)
			fi;
			pending = NOTHING;
			landed = 0;
			forget_seen()
		}
	:: else -> landed = 0
	fi
}

/* operation_look(): leaves the value in seen.value. */
inline look(i)
{
	d_step { load(i) };
	if
	:: seen.parity == PARITY(m)
	:: seen.parity != PARITY(m) && settled < m /* G2 */
	:: seen.parity != PARITY(m) && settled >= m ->
#ifndef FIRST_EFFECT_GENERATION
		d_step {
#ifndef NO_SECOND_LOOK
			load(i);
#endif
			if
			:: seen.parity != PARITY(m) -> m++
			:: else
			fi
		}
#else
		skip
#endif
	fi
}

inline decided()
{
#ifndef FIRST_EFFECT_GENERATION
	fixed = 1;
#endif
	forget_seen()
}

inline hold(k)
{
#ifdef NO_HOLD
	word[TOTAL(k)].held = 1
#else
	d_step { !word[TOTAL(k)].held -> word[TOTAL(k)].held = 1 }
#endif
}

inline release(k)
{
	word[TOTAL(k)].held = 0
}

/* partition_insert(): fresh words carry the parity of their creator's generation. */
inline find_or_make(k)
{
	d_step {
		if
		:: !made[k] ->
			made[k] = 1;
			born[k] = m;
			for (n : TOTAL(k) .. TOTAL(k) + DAYS) {
				word[n].parity = PARITY(m)
			}
			n = 0
		:: else
		fi
	}
}

/* ---- operations: add.c, take.c, acquire.c ---- */

/* The section and its operation begin. */
inline begin()
{
	d_step {
		in_section = in_section | (1 << me);
		m = generation /* G1 */
	}
}

inline end_section()
{
	d_step {
		in_section = in_section & ~(1 << me);
		awaited = awaited & ~(1 << me);
		m = 0;
		fixed = 0;
		forget_seen()
	}
}

inline add(k, d)
{
	begin();
	if
	:: (k) == FRESH -> find_or_make(k)
	:: else
	fi;
#ifdef DAY_BEFORE_TOTAL
	change(DAY(k, d), 1, 0);
	change(TOTAL(k), 1, 0);
#else
	change(TOTAL(k), 1, 0);
	change(DAY(k, d), 1, 0);
#endif
	end_section()
}

/* tree_reset_key(): takes all that it saw. */
inline reset(k)
{
	begin();
	if
	:: made[k] ->
		hold(k);
		look(DAY(k, 0));
		there[0] = seen.value;
#if DAYS > 1
		look(DAY(k, 1));
		there[1] = seen.value;
#endif
		look(TOTAL(k));
		d_step {
			decided();
			sum = there[0];
#if DAYS > 1
			sum = sum + there[1]
#endif
		};
		if
		:: there[0] > 0 -> change(DAY(k, 0), -there[0], 0)
		:: else
		fi;
#if DAYS > 1
		if
		:: there[1] > 0 -> change(DAY(k, 1), -there[1], 0)
		:: else
		fi;
#endif
		if
		:: sum > 0 -> change(TOTAL(k), -sum, 1)
		:: else -> release(k)
		fi;
		d_step {
			there[0] = 0;
#if DAYS > 1
			there[1] = 0;
#endif
			sum = 0
		}
	:: !made[k]
	fi;
	end_section()
}

#if KEYS > 1
/* tree_acquire(): one more on day 0 of both keys, if both stay within the limit. */
inline acquire()
{
	begin();
#if FRESH < KEYS
	find_or_make(FRESH);
#endif
	hold(0);
	hold(1);
	look(TOTAL(0));
	look(DAY(0, 0));
	there[0] = seen.value;
	look(TOTAL(1));
	look(DAY(1, 0));
	there[0] = (there[0] > seen.value -> there[0] : seen.value);
	d_step { decided() };
	if
	:: there[0] + 1 <= LIMIT ->
		there[0] = 0;
		change(TOTAL(0), 1, 0);
		change(TOTAL(1), 1, 0);
		change(DAY(0, 0), 1, 0);
		change(DAY(1, 0), 1, 0)
	:: else -> there[0] = 0
	fi;
	release(0);
	release(1);
	end_section()
}
#endif

proctype worker(byte me)
{
	byte left = OPERATIONS, m, landed, pending, n;
	bit fixed;
	counter seen;
	short there[DAYS], sum;

	do
	:: left > 0 ->
		if
#ifdef WITH_ADD
		:: add(0, 0)
#if DAYS > 1
		:: add(0, 1)
#endif
#if KEYS > 1
		:: add(1, 0)
#endif
#endif
#ifdef WITH_RESET
		:: reset(0)
#if KEYS > 1
		:: reset(1)
#endif
#endif
#ifdef WITH_ACQUIRE
		:: acquire()
#endif
		fi;
		left--
	:: else -> break
	od
}

/* ---- the maintenance thread: cut.c ---- */

/* The snapshot of generation g is complete. */
inline check(g)
{
	for (i : 0 .. WORDS - 1) {
		if
		:: made[KEY_OF(i)] && born[KEY_OF(i)] <= g -> assert(captured[i] == 1)
		:: else -> assert(captured[i] == 0)
		fi;
		before[i] = before[i] + logged[g].by[i];
		assert(snapshot[i] == before[i]);
		assert(snapshot[i] >= 0);
		logged[g].by[i] = 0;
		captured[i] = 0
	}
	for (i : 0 .. KEYS - 1) {
		sum = 0;
		for (n : 0 .. DAYS - 1) {
			sum = sum + snapshot[DAY(i, n)]
		}
		assert(snapshot[TOTAL(i)] == sum);
#ifndef WITH_ADD
		assert(sum <= LIMIT)
#endif
	}
	for (i : 0 .. WORDS - 1) {
		snapshot[i] = 0
	}
	closed = g;
	sum = 0;
	n = 0
}

proctype maintenance()
{
	byte to = FIRST_GENERATION, i, n, first, steps, at;
	short sum;

	do
	:: to < FIRST_GENERATION + CUTS ->
		d_step {
			to++;
			generation = to; /* G1 */
#ifndef NO_FIRST_QUIESCE
			awaited = in_section
#endif
		};
		awaited == 0;
#if KEYS > 1
		if /* keys come in any order */
		:: first = 0
		:: first = DAYS + 1
		fi;
#endif
		do /* the walk */
		:: steps < WORDS ->
			d_step {
				at = (first + steps) % WORDS;
				if
				:: made[KEY_OF(at)] && word[at].parity != PARITY(to) -> /* carry_over() */
					word[at].parity = PARITY(to);
					captured[at]++;
					snapshot[at] = snapshot[at] + word[at].value
				:: else
				fi;
				at = 0;
				steps++
			}
		:: else -> break
		od;
		steps = 0;
		first = 0;
		d_step {
			settled = to; /* G2 */
#ifndef NO_SECOND_QUIESCE
			awaited = in_section
#endif
		};
		awaited == 0;
		d_step { /* drain_workers(), complete_keys() */
			assert(note_cut == 0 || note_cut == to);
			note_cut = 0;
			for (i : 0 .. WORDS - 1) {
				captured[i] = captured[i] + note_words[i];
				snapshot[i] = snapshot[i] + note_value[i];
				note_words[i] = 0;
				note_value[i] = 0
			}
			check(to - 1);
			i = 0
		}
	:: else -> break
	od
}

init {
	byte i;

	d_step {
		for (i : 0 .. KEYS - 1) {
			if
			:: i != FRESH ->
				made[i] = 1;
				/* One is there already. */
				word[TOTAL(i)].value = 1;
				word[DAY(i, 0)].value = 1;
				before[TOTAL(i)] = 1;
				before[DAY(i, 0)] = 1
			:: else
			fi
		}
		for (i : 0 .. WORDS - 1) {
			word[i].parity = PARITY(FIRST_GENERATION)
		}
		i = 0
	}
	atomic {
		run maintenance();
		for (i : 0 .. WORKERS - 1) {
			run worker(i)
		}
		i = 0
	}
}
