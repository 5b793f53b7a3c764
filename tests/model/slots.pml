/*
 * The slot protocol as a model, for spin to search: two nodes with one writer after another, one
 * counter in a store, and a network that loses, repeats and delays. The rules and the invariants
 * I1 ... I7 that the CHECKs cite are those of docs/architecture.md.
 *
 * The network is the list of all ops ever sent. A copy of any of them may reach the store at any
 * time, any number of times or never: also after its writer crashed, was pruned or released its
 * slot. So loss, repetition and lateness need no messages of their own.
 *
 * Clocks stand still, which is the worst case: a writer's next seq is the lowest that it may use,
 * and a new writer's seqs start below those of the others. Likewise a slot may be pruned at any
 * moment, not only after ten idle minutes.
 *
 * check_model.py defines the worlds, and the mutants: each lacks one rule.
 */
#define NODES 2
#ifndef LIVES0
#define LIVES0 1      /* Writers that node 0 has, one after another: it restarts. Node 1 has one. */
#endif
#ifndef OPS
#define OPS 3         /* Most ops of a writer. One that wants to send more is not heard of again. */
#endif
#ifndef ASKED
#define ASKED 1       /* Only its first ops, so many, serve new requests. */
#endif
#ifndef RANGE
#define RANGE 1       /* Most ids that a request asks for: 1 or 2. */
#endif
#ifndef MAX
#define MAX 3         /* The counter's max; it starts at 1. */
#endif
#ifndef SPARE0
#define SPARE0 0      /* Ids that node 0 reserves before anyone asks: its cache - 1. 0 is strict. */
#endif
#ifndef SPARE1
#define SPARE1 0
#endif
#ifndef ADVANCE
#define ADVANCE 0     /* Nodes may advance the counter to this. */
#endif
#ifndef REVISIONS
#define REVISIONS 1   /* Definitions, one after another. */
#endif
#ifndef DELETED
#define DELETED REVISIONS /* The one in which the counter is deleted, if there are so many. */
#endif
#ifndef FOREIGN
#define FOREIGN 0     /* Ids that another program may take by adding 1 to the value. */
#endif

#define SANE 8        /* Besides I1 ... I7: no engine takes its own work for a corrupt store. */
#ifdef ONLY
#define CHECK(invariant, holds) assert(ONLY != invariant || (holds))
#else
#define CHECK(invariant, holds) assert(holds)
#endif
#define larger(a, b) ((a) > (b) -> (a) : (b))

mtype = { reserve, give_back, advance, release, committed, refused };

typedef Op {
  mtype kind;
  byte seq;
  byte prev;
  byte n;             /* Ids that it reserves or gives back. */
  byte end;           /* Where the tail ends that it gives back, or the value that it advances to. */
  byte revision;
  bit applied;        /* What became of it in the store, */
  bit counted;        /* whether its engine knows, */
  bit pruned;         /* and whether it no longer can. */
};
typedef Slot { byte seq; byte end };    /* seq 0: there is none. */
typedef Answer {      /* A commit's end, or the state that a refusal shows. */
  mtype kind;
  byte seq;
  byte end;
  byte value;
  byte floor;
  byte revision;
};
typedef Engine {
  byte life;          /* Which of the node's writers it is, or will be. */
  bit up;
  bit closing;
  byte sent;          /* How many ops it has sent. */
  byte flight;        /* The op in flight, plus 1. */
  Answer answer;      /* To an attempt at it; arrived, but not looked at yet. */
  byte given_up;      /* One bit an op: it is not repeated any more, but may still land. */
  byte last;          /* The last seq, */
  byte prev;          /* that of our slot, */
  byte floor;         /* the floor, */
  byte revision;      /* and the revision, as far as we know. */
  byte high;          /* No id up to here may be returned any more. */
  byte ticket;        /* How many ids a request waits for, */
  byte seen;          /* and what they must be above. */
  byte before;        /* The stock is (before, end]. */
  byte end;
  byte mine;          /* The last id that a cached counter's engine returned. */
};

#define WRITERS (LIVES0 + 1)
#define COPIES  (WRITERS * OPS)

/* The store, */
byte value;
byte floor;
byte revision;
Slot slot[WRITERS];
/* the network: the ops of writer w start at w * OPS, */
Op ops[COPIES];
/* the nodes, */
Engine engine[NODES];
/* what their callers saw, */
byte top;             /* The highest id returned, */
short returned;       /* and all of them, one bit each. */
bit finished[WRITERS];    /* The engine has closed: nothing of it is under way. */
/* and scratch space, which is no part of a state. */
hidden byte k;
hidden byte i;
hidden byte caller_gone;

/* --- The store */

/* Each op's copies are carried by a process of their own. In that one: */
#define carried (_pid - NODES)
#define op      ops[_pid - NODES]
#define asker   engine[(_pid - NODES) / OPS / LIVES0]
#ifdef MUTANT_WRITER_REUSED
#define at      slot[(_pid - NODES) / OPS / LIVES0 * LIVES0]
#else
#define at      slot[(_pid - NODES) / OPS]
#endif

/*
 * An op is in turn if its writer's slot is at prev, or there is none and the floor is below seq.
 * These are also the two forms in which DynamoDB is asked. A copy in one form does nothing where the
 * other one holds, which is as if it were lost: so this covers both, in any order.
 */
#define follows (at.seq != 0 && at.seq == op.prev)
#ifdef MUTANT_NEW_SLOT_IGNORES_FLOOR
#define is_new  (at.seq == 0)
#else
#define is_new  (at.seq == 0 && floor < op.seq)
#endif
#define in_turn (follows || is_new)

#ifdef MUTANT_RESERVE_WITHOUT_SEQ
#define may_reserve true
#else
#define may_reserve in_turn
#endif
#ifdef MUTANT_GIVE_BACK_WITHOUT_SEQ
#define may_give_back (value == op.end)
#elif defined(MUTANT_GIVE_BACK_WITHOUT_VALUE)
#define may_give_back in_turn
#else
#define may_give_back (in_turn && value == op.end)
#endif

#ifdef MUTANT_DELETED_IS_RESERVED
#define in_force (op.revision == revision)
#else
#define in_force (op.revision == revision && revision != DELETED)
#endif

#define applies ( \
  (op.kind == reserve && may_reserve && value + op.n <= MAX && in_force) || \
  (op.kind == give_back && may_give_back) || \
  (op.kind == advance && in_turn && value < op.end && in_force) || \
  (op.kind == release && (at.seq == 0 || at.seq == op.prev)))
#define changes_nothing (op.kind == release && at.seq == 0 && floor >= op.seq)

inline apply() {
  if
  :: op.kind == release ->
#ifdef MUTANT_RELEASE_RAISES_FLOOR_TO_SLOT
    floor = larger(floor, at.seq);
#elif !defined(MUTANT_RELEASE_KEEPS_FLOOR)
    floor = larger(floor, larger(at.seq, op.seq));
#endif
    at.seq = 0; at.end = 0
  :: else ->
    CHECK(5, !op.applied);              /* Exactly once, */
    CHECK(5, !finished[carried / OPS]); /* and not after the engine has drawn up its account. */
    CHECK(5, op.seq > at.seq);
    CHECK(6, op.kind == give_back || revision != DELETED);
    op.applied = true;
    at.seq = op.seq;
    at.end = value;
    if
    :: op.kind == reserve -> value = value + op.n; at.end = value
    :: op.kind == give_back -> value = op.end - op.n; at.end = value
    :: else -> value = op.end           /* The one op that leaves the value before it. */
    fi;
    CHECK(7, value >= top)
  fi;
  printf("store:  %e %d is applied: value %d, floor %d\n", op.kind, carried, value, floor)
}

/* One attempt whose answer reaches the node. */
inline attempt() {
  if
  :: applies -> apply(); asker.answer.kind = committed; asker.answer.end = at.end
  :: else ->
    asker.answer.kind = refused;
    asker.answer.seq = at.seq;
    asker.answer.end = at.end;
    asker.answer.value = value;
    asker.answer.floor = floor;
    asker.answer.revision = revision;
    printf("store:  %e %d is refused: slot %d, value %d, floor %d\n", op.kind, carried, at.seq, value, floor)
  fi
}

/* The rank of a writer: only ops above it can be in turn, and all that is done here raises it. */
#define rank(w) (slot[w].seq != 0 -> slot[w].seq : floor)

/* Removes the slot of writer w and raises the floor to it. */
inline prune(w) {
  for (k : w * OPS .. w * OPS + OPS - 1) {
    if
    :: ops[k].seq == slot[w].seq && ops[k].applied && !ops[k].counted -> ops[k].pruned = true
    :: else
    fi
  }
#ifdef MUTANT_FLOOR_FALLS
  floor = slot[w].seq;      /* Computed before the floor rose, and written without its condition. */
#elif !defined(MUTANT_PRUNE_KEEPS_FLOOR)
  floor = larger(floor, slot[w].seq);
#endif
  printf("store:  writer %d is pruned at %d: floor %d\n", w, slot[w].seq, floor);
  slot[w].seq = 0; slot[w].end = 0
}

/*
 * Since ranks never fall, an op at or below its writer's is nothing for ever. TIDY drops such ops,
 * except those whose engine has yet to learn of them, so that a larger world can be searched. A
 * world without TIDY shows that this drops nothing that matters, and a mutant keeps everything.
 */
#define engine_of(c)   engine[(c) / OPS / LIVES0]
#define is_alive(c)    ((c) / OPS == (c) / OPS / LIVES0 * LIVES0 + engine_of(c).life)
#define is_unsure(c)   (engine_of(c).flight == (c) + 1 || ((engine_of(c).given_up >> ((c) % OPS)) & 1) \
                        || (ops[c].applied != ops[c].counted && !ops[c].pruned))
inline tidy() {
#ifdef TIDY
  for (i : 0 .. COPIES - 1) {
    if
    :: ops[i].kind != 0 && ops[i].seq <= rank(i / OPS) && !(is_alive(i) && is_unsure(i)) ->
      ops[i].kind = 0; ops[i].seq = 0; ops[i].prev = 0; ops[i].n = 0; ops[i].end = 0;
      ops[i].revision = 0; ops[i].applied = 0; ops[i].counted = 0; ops[i].pruned = 0
    :: else
    fi
  }
#endif
  skip
}

/* --- The engines */

#define me      engine[_pid]
#define self    (_pid * LIVES0 + me.life)
#define lives   (_pid == 0 -> LIVES0 : 1)
#define cur     ops[me.flight - 1]
#define spare   (_pid == 0 -> SPARE0 : SPARE1)
#define stock   (me.end - me.before)
#define lacking (spare > stock -> spare - stock : 0)

inline forget_answer() {
  me.answer.kind = 0; me.answer.seq = 0; me.answer.end = 0;
  me.answer.value = 0; me.answer.floor = 0; me.answer.revision = 0
}

inline drop_stock() { me.before = 0; me.end = 0 }

/* By a crash, or at its end. */
inline go_down() {
  forget_answer(); drop_stock();
  me.up = 0; me.closing = 0; me.sent = 0; me.flight = 0; me.given_up = 0; me.last = 0; me.prev = 0;
  me.floor = 0; me.revision = 0; me.high = 0; me.ticket = 0; me.seen = 0; me.mine = 0;
  me.life++
}

inline stop_as_corrupt() { CHECK(SANE, false); go_down(); me.life = lives }

/* Each start is a new writer: an identity is never used again. */
inline start() {
  printf("node %d: starts as writer %d\n", _pid, self);
  me.up = true;
  me.floor = floor;
  me.revision = revision;
#ifdef MUTANT_WRITER_REUSED
  me.prev = slot[_pid * LIVES0].seq;
  me.last = me.prev;
#endif
  skip
}

/* An op that was sent never changes: whatever differs is a new op, with a new seq. */
inline send(what, ids) {
  if
  :: me.sent == OPS -> go_down()
  :: else ->
    me.last = larger(me.last, me.floor) + 1;
    me.sent++;
    me.flight = self * OPS + me.sent;
    cur.kind = what;
    cur.seq = me.last;
    cur.prev = me.prev;
    cur.n = ids;
    cur.end = (what == give_back -> me.end : (what == advance -> ADVANCE : 0));
    cur.revision = me.revision;
    printf("node %d: sends %e %d: seq %d, prev %d, n %d\n", _pid, what, me.flight - 1, cur.seq, cur.prev, cur.n)
  fi
}

/* Strict requests must get more than anyone got before they were made, cached ones more than their
   own node returned. */
#define arrives() me.seen = (spare == 0 -> top : 0)

inline ask(ids) {
  printf("node %d: a request for %d\n", _pid, ids);
  me.ticket = ids;
  arrives();
  k = ids + lacking;
  send(reserve, k)
}

/* Returns the first ids of the stock. */
inline grant(ids) {
  for (k : 1 .. ids) {
    me.before++;
    printf("node %d: returns %d\n", _pid, me.before);
    CHECK(1, !((returned >> me.before) & 1));
    CHECK(2, me.before <= value);
    CHECK(3, me.before > me.seen && me.before > me.mine);
    returned = returned | (1 << me.before);
    top = larger(top, me.before);
    me.mine = (spare == 0 -> 0 : me.before)
  }
  if
  :: stock == 0 -> drop_stock()
  :: else
  fi
}

/* The ids of a reservation: behind the stock where they adjoin it, otherwise in its place. */
inline take_block(block_end) {
  if
  :: block_end - cur.n < me.high -> stop_as_corrupt()
  :: else ->
    if
    :: stock != 0 && me.end == block_end - cur.n
    :: else -> me.before = block_end - cur.n
    fi;
    me.end = block_end;
    me.high = block_end;
    me.flight = 0;
    if
    :: caller_gone -> me.before = me.before + me.ticket; me.ticket = 0  /* Burned: not for later ones. */
    :: else
    fi;
    grant(me.ticket);
    me.ticket = 0; me.seen = 0
  fi
}

/* Whoever asks this node after an advance gets more than it advanced to. Among strict nodes this
   holds for all of them; a cached one may still serve what it had, or give it back. */
inline advanced() {
  printf("node %d: has advanced\n", _pid);
  me.flight = 0;
#if SPARE0 + SPARE1 == 0
  top = larger(top, ADVANCE);
#endif
  if
  :: me.end <= ADVANCE -> drop_stock()
  :: me.end > ADVANCE -> me.before = larger(me.before, ADVANCE)
  fi
}

/* The engine closes: it has accounted for each op that was ever applied. */
inline finish() {
  printf("node %d: writer %d has closed\n", _pid, self);
  for (k : self * OPS .. self * OPS + OPS - 1) {
    CHECK(5, ops[k].kind == release || ops[k].applied == ops[k].counted || ops[k].pruned)
  }
  finished[self] = true;
  go_down()
}

inline released() {
  if
  :: me.closing -> finish()
  :: else -> me.prev = 0; me.given_up = 0; me.flight = 0
  fi
}

/* The op in flight was applied, by this attempt or an earlier one, with the answer's end. */
inline op_applied() {
  cur.counted = true;
  me.prev = cur.seq;
  me.given_up = 0;      /* Their seqs are lower: they are below our rank. */
  if
  :: cur.kind == reserve -> take_block(me.answer.end)
  :: cur.kind == give_back -> drop_stock(); send(release, 0)
  :: cur.kind == advance && me.answer.end < me.high -> stop_as_corrupt()
  :: cur.kind == advance && me.answer.end >= me.high -> me.high = ADVANCE; advanced()
  :: cur.kind == release -> released()
  fi
}

/* A refusal shows that given-up op g of this engine has landed: now it is counted. */
inline given_up_op_landed(g) {
  ops[self * OPS + g].counted = true;
  me.prev = me.answer.seq;
  me.given_up = (me.given_up >> (g + 1)) << (g + 1);    /* Later ones may land once we are pruned. */
  if
  :: ops[self * OPS + g].kind == reserve -> me.high = larger(me.high, me.answer.end)
  :: ops[self * OPS + g].kind == advance -> me.high = larger(me.high, ADVANCE)
  :: else -> drop_stock()
  fi
}

#define has_given_up(g) (((me.given_up >> (g)) & 1) && ops[self * OPS + (g)].seq == me.answer.seq)
#define unknown_slot (me.answer.seq != 0 && me.answer.seq != me.prev)
#define below_floor  (me.answer.seq == 0 && me.answer.floor >= cur.seq)
#define is_overtaken (cur.prev != me.prev)
#define is_deleted   (me.answer.revision == DELETED)

inline op_refused() {
  me.floor = larger(me.floor, me.answer.floor);
  me.revision = me.answer.revision;
  if
  :: unknown_slot ->
    for (k : 0 .. OPS - 1) {
      if
      :: has_given_up(k) -> break
      :: else
      fi
    }
    if
    :: k < OPS -> given_up_op_landed(k)
    :: else
    fi
  :: else
  fi;
  if
  :: is_deleted && !me.closing -> drop_stock()
  :: else
  fi;
  if
  :: unknown_slot -> stop_as_corrupt()
  :: !unknown_slot && me.answer.value < me.high && !me.closing -> stop_as_corrupt()
  :: else -> give_up()
  fi
}

/* The op is repeated no more, and what it was for gets a new one. */
inline give_up() {
  if
  :: below_floor -> me.prev = 0         /* For ever: it can't land. */
#ifdef MUTANT_GIVEN_UP_IS_FORGOTTEN
  :: else
#elif defined(MUTANT_OVERTAKEN_IS_FORGOTTEN)
  :: !below_floor && !is_overtaken -> me.given_up = me.given_up | (1 << (me.sent - 1))
  :: !below_floor && is_overtaken -> me.given_up = 0
#else
  :: else -> me.given_up = me.given_up | (1 << (me.sent - 1))
#endif
  fi;
  if
#ifdef MUTANT_TAIL_OFFERED_AGAIN
  :: cur.kind == give_back && below_floor -> send(give_back, stock)
  :: cur.kind == give_back && !below_floor -> send(release, 0)
#else
  :: cur.kind == give_back -> send(release, 0)      /* Its tail is burned, unless it lands yet. */
#endif
  :: cur.kind == release && me.closing -> send(release, 0)
  :: cur.kind == release && !me.closing -> me.flight = 0
  :: cur.kind == advance && me.answer.value >= ADVANCE -> advanced()
  :: cur.kind == advance && me.answer.value < ADVANCE && is_deleted -> me.flight = 0
  :: cur.kind == advance && me.answer.value < ADVANCE && !is_deleted -> send(advance, 0)
  :: cur.kind == reserve &&
     (caller_gone || is_deleted || me.ticket == 0 || me.ticket > MAX - me.answer.value) ->
    me.ticket = 0; me.seen = 0; me.flight = 0
  :: else ->
    k = me.ticket + lacking;
    k = (k < MAX - me.answer.value -> k : MAX - me.answer.value);
    send(reserve, k)
  fi
}

inline receive(gone) {
  caller_gone = gone;
  if
  :: me.answer.kind == committed || me.answer.seq == cur.seq -> op_applied()
  :: else -> op_refused()
  fi;
  forget_answer()
}

/* The tail goes back while its ids are the counter's last, then the slot. */
inline close() {
  me.closing = true;
  if
  :: stock != 0 -> send(give_back, stock)
  :: stock == 0 && me.prev == 0 && me.given_up == 0 -> finish()
  :: else -> send(release, 0)
  fi
}

#ifdef MUTANT_OP_CHANGES
/* One request more joins the op in flight, under the seq that it has. */
inline repeat_with_more() {
  k = me.flight - 1;
  me.sent++;
  me.flight = self * OPS + me.sent;
  cur.kind = reserve; cur.seq = ops[k].seq; cur.prev = ops[k].prev; cur.n = 2;
  me.ticket = 2
}
#endif

#define idle      (me.up && !me.closing && me.flight == 0)
#define may_start (idle && me.sent < ASKED)

active [NODES] proctype Node() {
end: do
  :: d_step { !me.up && me.life < lives -> start() }
  :: d_step { may_start && stock < 1 -> ask(1); tidy() }
#if RANGE > 1
  :: d_step { may_start && stock < 2 -> ask(2); tidy() }
#endif
#if SPARE0 + SPARE1 > 0
  :: d_step { may_start && lacking > 0 -> k = lacking; send(reserve, k); tidy() }
  :: d_step { idle && stock > 0 -> grant(1) }
#endif
#if ADVANCE > 0
  :: d_step { may_start && value >= ADVANCE -> advanced() }
  :: d_step { may_start && value < ADVANCE -> send(advance, 0); tidy() }
#endif
  :: d_step { me.answer.kind != 0 -> receive(false); tidy() }
  :: d_step { me.answer.kind != 0 && me.ticket != 0 -> receive(true); tidy() }
#ifdef MUTANT_DEAD_TICKETS_IDS_ARE_USED
  :: d_step { me.ticket != 0 -> arrives() }
#endif
#ifdef MUTANT_OP_CHANGES
  :: d_step { me.ticket == 1 && me.answer.kind == 0 && me.sent < OPS -> repeat_with_more() }
#endif
  :: d_step { idle && me.given_up != 0 -> send(release, 0); tidy() }
  :: d_step { idle -> close(); tidy() }
  :: d_step { me.up -> printf("node %d: crashes\n", _pid); go_down(); tidy() }
  od
}

active [COPIES] proctype Copy() {
end: do
  :: d_step { applies && !changes_nothing -> apply(); tidy() }  /* Its answer, if any, is lost. */
  :: d_step { asker.flight == carried + 1 && asker.answer.kind == 0 -> attempt(); tidy() }
  od
}

active [WRITERS] proctype Pruning() {
#define pruned_writer (_pid - NODES - COPIES)
end: do
  :: d_step { slot[pruned_writer].seq != 0 -> prune(pruned_writer); tidy() }
  od
}

#if REVISIONS > 1
active proctype Redefinition() {
end: do
  :: d_step { revision < REVISIONS - 1 ->
#ifdef MUTANT_COMES_BACK_ANEW
      value = (revision == DELETED -> 0 : value);
#endif
      revision++;
      printf("store:  revision %d\n", revision)
    }
  od
}
#endif

#if FOREIGN > 0
active proctype Foreign() {
  byte taken;
end: do
  :: d_step { taken < FOREIGN && value < MAX ->
      taken++;
      value++;
      printf("other:  takes %d\n", value);
      CHECK(1, !((returned >> value) & 1));
      returned = returned | (1 << value);
      top = larger(top, value)
    }
  od
}
#endif
