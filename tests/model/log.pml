/*
 * log.pml - section 5 of DESIGN.md: log epochs and group commit, and what a crash leaves
 *
 * Modelled: two keys, A for adds and resets, B with a limit for acquires and resets; requests that set both key by
 * key, under the gate; workers with two buffers each; the committer; replies that wait for durable. A block on its
 * way to disk is there or not after a crash (a torn one fails its checksum), so a crash at any point leaves `disk` or
 * `disk + block`. Both are judged whenever they change, and so every prefix of epochs: no negative word, total = sum
 * of days, the limit kept, requests for both keys whole. Further: every reply given tells only of what is on disk,
 * its own effects and all that it looked at (also when it changed nothing); E reaches e + 2 only when block e is on
 * disk; nothing is appended to a buffer after it was gathered, nor beside records of another epoch; and nothing waits
 * for ever: all replies are given in the end (spin's invalid end states).
 *
 *   here                             there
 *   load_tag(), decided()            operation_tag(), operation_decided()                 src/engine/operation.h
 *   add(), reset(), acquire()        tree_add(), tree_reset_key(), tree_acquire()         src/engine/
 *   set_several()                    a batch_set that decides key by key: wal_gate_try_enter(), a section for each key,
 *                                    wal_gate_leave()
 *   append()                         effect_log: wal_group_begin(), wal_group_add(), wal_group_end()
 *   finish(), reply()                the command layer's hold: the group's tag, or E now if nothing was logged
 *   publish(), reply_hold[]          wal_released() and the wake that lets held replies go
 *   begin_section(), end_section()   epoch_begin(), epoch_end()
 *   committer()                      wal_commit(); awaited: epoch_quiesce()
 *
 * One step here is one atomic access there. A quiesce looks at all sections at once, in the step that moves E, and
 * waits for those alone; ck_epoch waits for at least these. A reply is given in the first moment that allows it.
 *
 * Left out, and why that is safe:
 *   - Weak memory: all is sequentially consistent here. The orders of the C code are argued there.
 *   - Generations and snapshots: snapshot.pml. The tag of an operation does not depend on its generation.
 *   - Several operations in one section: each loads a tag of its own. Sections of one operation let E move more
 *     often.
 *   - Room in the buffers and on the disk: looked at before anything changes and waited for outside of sections,
 *     holding nothing. A failed write or sync: nothing is published any more.
 *   - The bytes: order inside a block does not matter, effects are summed up.
 *   - Creation and removal of keys and trees: their tags follow the same two rules, under a lock in the place of
 *     held.
 *   - wal_sync() of a dump: waits for durable as a held reply does. EPOCHS lets epochs be closed with nothing
 *     waiting.
 *
 * Scenarios and broken variants (-DTAG_BEFORE_LOOK ...) stand in ./check. Seen there, with spin 6.5.2 (states, all
 * complete):
 *   three workers   one operation of any kind each, one epoch closed for nothing     9,781,347   652 MB   15 s
 *   two workers     two operations of any kind each                                  8,566,641   639 MB    9 s
 * Each statement is reached in each of them.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef OPERATIONS
#define OPERATIONS 2 /* of each worker */
#endif
#ifndef EPOCHS
#define EPOCHS 2 /* below this E the committer may close an epoch with nothing waiting */
#endif
#define LIMIT 1

/* Two keys with one day each: adds go to A only, B has a limit. The last two: marks of requests for several keys. */
#define A          0
#define B          1
#define TOTAL(k)   (2 * (k))
#define DAY(k)     (2 * (k) + 1)
#define HALF(k)    (4 + (k))
#define WORDS      6

typedef group { byte tag; short by[WORDS] }; /* tag 0: nothing in it */

short word[4];
bit held[2];

/* E, and what wal_released() tells. */
byte epoch = 1, durable;

/* Sections (epoch.c): bits of the workers that are in one, and of those that a quiesce still waits for. */
byte in_section, awaited;

byte gate; /* how many are inside */
bit gate_wanted;

/* Two buffers per worker; the block being written; the sum of all blocks that are synced, and the last tag of them. */
group buffer[WORKERS * 2];
group block;
group disk;
byte closed; /* the last epoch whose buffers were gathered */

/* Held replies: what they wait for and, for the assertion, the newest tag that they tell of. 0: none. */
byte reply_hold[WORKERS * OPERATIONS], reply_need[WORKERS * OPERATIONS];
byte waiting; /* buffers and replies that wait for a commit */

/* For the assertions: the newest tag among the effects in a word. */
byte newest[4];

#define MAX(a, b) ((a) > (b) -> (a) : (b))

inline judge_sum(t, d)
{
	assert(t >= 0 && d >= 0);
	assert(t == d)
}

/* A crash leaves the synced blocks, perhaps the one being written: every such state is one that could have been. */
inline judge()
{
	judge_sum(disk.by[TOTAL(A)], disk.by[DAY(A)]);
	judge_sum(disk.by[TOTAL(B)], disk.by[DAY(B)]);
	assert(disk.by[DAY(B)] <= LIMIT);
	assert(disk.by[HALF(A)] == disk.by[HALF(B)]);
	judge_sum(disk.by[TOTAL(A)] + block.by[TOTAL(A)], disk.by[DAY(A)] + block.by[DAY(A)]);
	judge_sum(disk.by[TOTAL(B)] + block.by[TOTAL(B)], disk.by[DAY(B)] + block.by[DAY(B)]);
	assert(disk.by[DAY(B)] + block.by[DAY(B)] <= LIMIT);
	assert(disk.by[HALF(A)] + block.by[HALF(A)] == disk.by[HALF(B)] + block.by[HALF(B)])
}

/* ---- workers ---- */

inline begin_section()
{
	in_section = in_section | (1 << me)
}

inline end_section()
{
	in_section = in_section & ~(1 << me);
	awaited = awaited & ~(1 << me)
}

inline load_tag()
{
	tag = epoch
}

/* The wrong place. */
inline load_tag_before_look()
{
#if defined(TAG_BEFORE_LOOK) || defined(HOLD_BEFORE_LOOK)
	load_tag()
#else
	skip
#endif
}

inline decided()
{
#ifndef TAG_BEFORE_LOOK
	load_tag()
#else
	skip
#endif
}

inline hold(k)
{
#ifdef NO_HOLD
	held[k] = 1
#else
	d_step { !held[k] -> held[k] = 1 }
#endif
}

/* What it tells later, a refusal for example, rests on every effect in the word. */
inline look(i)
{
	need = MAX(need, newest[i])
}

inline look_at_day(k)
{
	d_step {
		there = word[DAY(k)];
		look(DAY(k))
	}
}

inline change(i, delta)
{
	d_step {
		word[i] = word[i] + (delta);
		assert(word[i] >= 0);
		scratch[i] = scratch[i] + (delta);
		newest[i] = MAX(newest[i], tag);
		need = MAX(need, tag);
		logs = 1
	}
}

inline change_and_release(k, delta)
{
	d_step {
		word[TOTAL(k)] = word[TOTAL(k)] + (delta);
		assert(word[TOTAL(k)] >= 0);
		held[k] = 0;
		scratch[TOTAL(k)] = scratch[TOTAL(k)] + (delta);
		newest[TOTAL(k)] = MAX(newest[TOTAL(k)], tag);
		need = MAX(need, tag);
		logs = 1
	}
}

#ifdef ONE_BUFFER
#define BUFFER (2 * me)
#else
#define BUFFER (2 * me + tag % 2)
#endif

/* effect_log: what stands in the scratch buffer becomes a group, in the section in which its tag was loaded. */
inline append()
{
	d_step {
		assert(tag > closed); /* else its block was written without it */
		assert(buffer[BUFFER].tag == 0 || buffer[BUFFER].tag == tag);
		if
		:: buffer[BUFFER].tag == 0 -> waiting++
		:: else
		fi;
		buffer[BUFFER].tag = tag;
		for (n : 0 .. WORDS - 1) {
			buffer[BUFFER].by[n] = buffer[BUFFER].by[n] + scratch[n];
			scratch[n] = 0
		}
		n = 0
	}
}

/* The reply goes to the front end, which gives it once durable >= its epoch. */
inline reply()
{
	if
	:: tag <= durable -> assert(need <= disk.tag)
	:: else ->
		reply_hold[me * OPERATIONS + left - 1] = tag;
		reply_need[me * OPERATIONS + left - 1] = need;
		waiting++
	fi;
	need = 0;
	tag = 0;
	logs = 0
}

/* Appends what there is, chooses the epoch of the reply, ends the section. */
inline finish()
{
	if
	:: logs -> append()
#ifdef HOLD_BEFORE_LOOK
	:: !logs
#else
	:: !logs -> load_tag() /* E, after the last look */
#endif
	fi;
	d_step {
		end_section();
#ifdef UNCHANGED_NOT_HELD
		if
		:: !logs -> tag = 0
		:: else
		fi;
#endif
#ifdef NOT_HELD
		tag = 0;
#endif
		reply()
	}
}

inline add(k)
{
	begin_section();
#ifdef TAG_AFTER_CHANGE
	change(TOTAL(k), 1);
	change(DAY(k), 1);
	load_tag();
	d_step {
		newest[TOTAL(k)] = MAX(newest[TOTAL(k)], tag);
		newest[DAY(k)] = MAX(newest[DAY(k)], tag);
		need = MAX(need, tag)
	};
#else
	load_tag();
	change(TOTAL(k), 1);
	change(DAY(k), 1);
#endif
	finish()
}

inline reset(k)
{
	begin_section();
	load_tag_before_look();
	hold(k);
	look_at_day(k);
	look(TOTAL(k));
	if
	:: there > 0 ->
		decided();
		change(DAY(k), -there);
		change_and_release(k, -there);
		there = 0
	:: else -> held[k] = 0
	fi;
	finish()
}

inline acquire(k)
{
	begin_section();
	load_tag_before_look();
	hold(k);
	look(TOTAL(k));
	look_at_day(k);
	if
	:: there + 1 <= LIMIT ->
		there = 0;
		decided();
		change(TOTAL(k), 1);
		change(DAY(k), 1)
	:: else -> there = 0
	fi;
	held[k] = 0;
	finish()
}

/* Sets one key to 1, as part of a request that goes from key to key, each in a section of its own. */
inline set_one_of_several(k)
{
	begin_section();
	hold(k);
	look_at_day(k);
	look(TOTAL(k));
#ifdef NO_GATE_ONE_TAG
	if
	:: k == A -> load_tag()
	:: else
	fi;
#else
	load_tag();
#endif
	if
	:: there == 0 ->
		change(TOTAL(k), 1);
		change(DAY(k), 1);
		held[k] = 0
	:: there == 1 -> held[k] = 0
	:: there > 1 ->
		change(DAY(k), 1 - there);
		change_and_release(k, 1 - there)
	fi;
	d_step {
		there = 0;
		scratch[HALF(k)]++;
		logs = 1;
		need = MAX(need, tag)
	};
	append();
	d_step {
		end_section()
	}
}

inline set_several()
{
#if !defined(NO_GATE) && !defined(NO_GATE_ONE_TAG)
	d_step { !gate_wanted -> gate++ };
#endif
	do
	:: key <= B ->
		set_one_of_several(key);
		key++
	:: else -> break
	od;
	key = A;
#if !defined(NO_GATE) && !defined(NO_GATE_ONE_TAG)
	gate--;
#endif
	d_step { reply() }
}

proctype worker(byte me)
{
	byte left = OPERATIONS, tag, need, key, n;
	bit logs;
	short there, scratch[WORDS];

	do
	:: left > 0 ->
		if
#ifdef WITH_ADD
		:: add(A)
#endif
#ifdef WITH_RESET
		:: reset(A)
		:: reset(B)
#endif
#ifdef WITH_ACQUIRE
		:: acquire(B)
#endif
#ifdef WITH_SEVERAL
		:: set_several()
#endif
		fi;
		left--
	:: else -> break
	od
}

/* ---- the committer: wal_commit() ---- */

inline move_epoch()
{
	epoch++;
#ifndef NO_COMMIT_QUIESCE
	awaited = in_section;
#endif
	assert(epoch <= disk.tag + 2) /* E reaches e + 2 only when block e is on disk */
}

inline publish(e)
{
	d_step {
		durable = e;
		for (i : 0 .. WORKERS * OPERATIONS - 1) {
			if
			:: reply_hold[i] != 0 && reply_hold[i] <= e ->
				assert(reply_need[i] <= disk.tag); /* the reply is given */
				reply_hold[i] = 0;
				reply_need[i] = 0;
				waiting--
			:: else
			fi
		}
		i = 0
	}
}

proctype committer()
{
	byte e, i, n;

end:
	do
	:: waiting > 0 || epoch < EPOCHS ->
		gate_wanted = 1;
		d_step {
			gate == 0;
			e = epoch;
			move_epoch();
			gate_wanted = 0
		};
		awaited == 0;
#ifdef EPOCH_BEFORE_DISK
		move_epoch();
#endif
		d_step { /* gather and write */
			for (i : 0 .. WORKERS * 2 - 1) {
				if
				:: buffer[i].tag == e ->
					for (n : 0 .. WORDS - 1) {
						block.by[n] = block.by[n] + buffer[i].by[n];
						buffer[i].by[n] = 0
					}
					buffer[i].tag = 0;
					waiting--
				:: else
				fi
			}
			closed = e;
			judge();
			i = 0;
			n = 0
		};
#ifdef PUBLISH_BEFORE_SYNC
		publish(e);
#endif
		d_step { /* fdatasync */
			for (i : 0 .. WORDS - 1) {
				disk.by[i] = disk.by[i] + block.by[i];
				block.by[i] = 0
			}
			disk.tag = e;
			judge();
			e = 0;
			i = 0
		};
#ifndef PUBLISH_BEFORE_SYNC
		publish(disk.tag)
#endif
	od
}

init {
	byte i;

	d_step {
		word[TOTAL(B)] = LIMIT;
		word[DAY(B)] = LIMIT;
		disk.by[TOTAL(B)] = LIMIT;
		disk.by[DAY(B)] = LIMIT
	}
	atomic {
		run committer();
		for (i : 0 .. WORKERS - 1) {
			run worker(i)
		}
		i = 0
	}
}
