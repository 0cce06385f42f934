/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose ends follow a script, for relay_test.c. They are event-driven ends played by
 * threads: each fills or empties the ring and sleeps until its waker was called, as a transfer on
 * an event loop does. */
#ifndef SP_TESTS_SCRIPTED_STORE_H
#define SP_TESTS_SCRIPTED_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/pool.h"
#include "store/store.h"

#define BLOB_BYTES (1u * SP_MIB + 4321)

static char blob[BLOB_BYTES];
static struct sp_digest blob_digest;

static int make_blob(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  for (size_t i = 0; i < BLOB_BYTES; i++)
    blob[i] = (char)(i * 131 + i / 253);
  return sp_digest_of(SP_DIGEST_SHA256, blob, BLOB_BYTES, &blob_digest, &err);
}

/* -- a thread that sleeps until its waker was called */

struct sleeper {
  pthread_mutex_t lock;
  pthread_cond_t cond;
  bool awake, stop;
  pthread_t thread;
  bool joined;
};

static void sleeper_wake(void *ctx)
{
  struct sleeper *sleeper = ctx;
  SP_LOCK_SCOPE(&sleeper->lock);
  sleeper->awake = true;
  pthread_cond_signal(&sleeper->cond);
}

/* Answers false when it is to stop. */
static bool sleeper_sleep(struct sleeper *sleeper)
{
  SP_LOCK_SCOPE(&sleeper->lock);
  while (!sleeper->awake && !sleeper->stop)
    pthread_cond_wait(&sleeper->cond, &sleeper->lock);
  sleeper->awake = false;
  return !sleeper->stop;
}

static bool sleeper_is_stopped(struct sleeper *sleeper)
{
  SP_LOCK_SCOPE(&sleeper->lock);
  return sleeper->stop;
}

static void sleeper_start(struct sleeper *sleeper, void *(*run)(void *), void *ctx)
{
  struct sp_err err = SP_ERR_INIT;
  pthread_mutex_init(&sleeper->lock, NULL);
  pthread_cond_init(&sleeper->cond, NULL);
  assert_int_equal(sp_pool_thread(run, ctx, &sleeper->thread, &err), 0);
}

static void sleeper_join(struct sleeper *sleeper)
{
  if (!sleeper->joined)
    pthread_join(sleeper->thread, NULL);
  sleeper->joined = true;
}

static void sleeper_stop(struct sleeper *sleeper)
{
  {
    SP_LOCK_SCOPE(&sleeper->lock);
    sleeper->stop = true;
    pthread_cond_signal(&sleeper->cond);
  }
  sleeper_join(sleeper);
}

/* -- a store whose ends follow a script */

struct script {
  struct sp_store store; /* first */
  /* reading */
  unsigned breaks;       /* this many connections break off... */
  uint64_t break_after;  /* ...after so many bytes of each */
  bool is_one_place;     /* ...or all at this byte of the blob */
  enum sp_code break_by; /* 0: end of input too early */
  bool is_short;         /* it says so of the blob when it is asked */
  unsigned wrong;        /* this many readings have a wrong byte */
  unsigned late_us;      /* before the first byte, and before the end */
  size_t extra;          /* bytes too many */
  bool is_silent;        /* never sends */
  /* writing */
  unsigned pause_us; /* after each 16 KiB */
  uint64_t fail_at;  /* detaches itself there; 0 = never */
  bool fail_begin;
  uint64_t resumed;       /* bytes that an earlier writer sent */
  enum sp_code finish_by; /* finish fails with it */
  /* what happened */
  unsigned opens, begins;
  unsigned finished;
  bool is_corrupt;
  uint64_t max_before_finish; /* most bytes seen by a writer that was not finished */
};

struct fake_reader {
  struct sp_reader reader; /* first */
  struct script *script;
  struct sp_ring *ring;
  uint64_t pos;
  uint64_t stop_at; /* breaks off here */
  bool is_wrong;
  struct sleeper sleeper;
};

/* Writes one piece. Answers false when it is to stop. */
static bool send(struct fake_reader *reader, const char *bytes, size_t n)
{
  while (!sp_ring_write(reader->ring, bytes, n))
    if (!sleeper_sleep(&reader->sleeper))
      return false;
  reader->pos += n;
  return true;
}

static void end_input(struct fake_reader *reader)
{
  struct sp_err err = SP_ERR_INIT;
  const struct script *script = reader->script;
  char extra[64] = {0};
  usleep(script->late_us);
  if (reader->pos == BLOB_BYTES && script->extra > 0)
    send(reader, extra, script->extra);
  bool breaks = reader->pos < BLOB_BYTES && script->break_by != SP_OK;
  if (breaks)
    sp_fail(&err, script->break_by, "broken off");
  sp_ring_close_input(reader->ring, breaks ? &err : NULL);
}

static void *reader_thread(void *ctx)
{
  struct fake_reader *reader = ctx;
  if (reader->script->is_silent)
    sleeper_sleep(&reader->sleeper);
  usleep(reader->script->late_us);
  while (reader->pos < reader->stop_at && !sleeper_is_stopped(&reader->sleeper)) {
    char piece[4001];
    size_t n = reader->stop_at - reader->pos < sizeof piece
                   ? (size_t)(reader->stop_at - reader->pos)
                   : sizeof piece;
    if (n > sp_ring_capacity(reader->ring))
      n = sp_ring_capacity(reader->ring);
    memcpy(piece, blob + reader->pos, n);
    if (reader->is_wrong && reader->pos == 0)
      piece[0] ^= 1;
    if (!send(reader, piece, n))
      return NULL;
  }
  end_input(reader);
  return NULL;
}

static int reader_start(struct sp_reader *base, struct sp_ring *ring, struct sp_err *err)
{
  (void)err;
  struct fake_reader *reader = (struct fake_reader *)base;
  reader->ring = ring;
  sp_ring_set_producer_waker(ring, sleeper_wake, &reader->sleeper);
  sleeper_start(&reader->sleeper, reader_thread, reader);
  return 0;
}

static void reader_close(struct sp_reader *base)
{
  struct fake_reader *reader = (struct fake_reader *)base;
  sleeper_stop(&reader->sleeper);
  sp_ring_set_producer_waker(reader->ring, NULL, NULL);
  free(reader);
}

static const struct sp_reader_ops reader_ops = {.start = reader_start, .close = reader_close};

static int script_open_read(struct sp_store *store, const struct sp_digest *digest,
                            uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                            struct sp_err *err)
{
  (void)digest;
  (void)err;
  struct script *script = (struct script *)store;
  struct fake_reader *reader = calloc(1, sizeof *reader);
  reader->reader.ops = &reader_ops;
  reader->script = script;
  reader->pos = offset;
  reader->stop_at = size_bytes;
  reader->is_wrong = offset == 0 && script->wrong > 0;
  script->wrong -= reader->is_wrong;
  uint64_t from = script->is_one_place ? 0 : offset;
  if (script->opens++ < script->breaks && from + script->break_after < size_bytes)
    reader->stop_at = from + script->break_after;
  *out = &reader->reader;
  return 0;
}

struct fake_writer {
  struct sp_writer writer; /* first */
  struct script *script;
  struct sp_ring *ring;
  size_t consumer;
  uint64_t pos;
  struct sleeper sleeper;
};

/* Takes one piece. Answers false at the end. */
static bool receive(struct fake_writer *writer)
{
  const char *bytes;
  bool end;
  bool aborted;
  struct script *script = writer->script;
  size_t n = sp_ring_peek(writer->ring, writer->consumer, &bytes, &end, &aborted);
  if (end || aborted)
    return false;
  if (n == 0)
    return sleeper_sleep(&writer->sleeper);
  if (n > 16 * SP_KIB)
    n = 16 * SP_KIB;
  if (memcmp(bytes, blob + writer->pos, n) != 0)
    script->is_corrupt = true;
  if (script->fail_at > 0 && writer->pos + n >= script->fail_at) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_SERVER, "it answered 500");
    sp_ring_detach(writer->ring, writer->consumer, &err); /* still holding the bytes */
    return false;
  }
  writer->pos += n;
  sp_ring_consume(writer->ring, writer->consumer, n);
  if (script->pause_us > 0)
    usleep(script->pause_us);
  return true;
}

static void *writer_thread(void *ctx)
{
  struct fake_writer *writer = ctx;
  while (!sleeper_is_stopped(&writer->sleeper) && receive(writer))
    ;
  return NULL;
}

static int writer_start(struct sp_writer *base, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  (void)err;
  struct fake_writer *writer = (struct fake_writer *)base;
  writer->ring = ring;
  writer->consumer = consumer;
  sp_ring_set_consumer_waker(ring, consumer, sleeper_wake, &writer->sleeper);
  sleeper_start(&writer->sleeper, writer_thread, writer);
  return 0;
}

static int writer_finish(struct sp_writer *base, struct sp_err *err)
{
  struct fake_writer *writer = (struct fake_writer *)base;
  sleeper_join(&writer->sleeper);
  if (writer->script->finish_by != SP_OK)
    return sp_fail(err, writer->script->finish_by, "no 201");
  if (writer->pos != BLOB_BYTES)
    return sp_fail(err, SP_E_INTERNAL, "finished too early");
  writer->script->finished++;
  return 0;
}

static void writer_close(struct sp_writer *base)
{
  struct fake_writer *writer = (struct fake_writer *)base;
  struct script *script = writer->script;
  sleeper_stop(&writer->sleeper);
  sp_ring_set_consumer_waker(writer->ring, writer->consumer, NULL, NULL);
  if (script->finished == 0 && writer->pos > script->max_before_finish)
    script->max_before_finish = writer->pos;
  free(writer);
}

static const struct sp_writer_ops writer_ops = {
    .start = writer_start, .finish = writer_finish, .close = writer_close};

static int script_begin_write(struct sp_store *store, const struct sp_digest *digest,
                              uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  (void)digest;
  (void)size_bytes;
  struct script *script = (struct script *)store;
  script->begins++;
  if (script->fail_begin)
    return sp_fail(err, SP_E_AUTH, "no permission");
  struct fake_writer *writer = calloc(1, sizeof *writer);
  writer->writer = (struct sp_writer){&writer_ops, script->resumed};
  writer->script = script;
  *out = &writer->writer;
  return 0;
}

/* What a relay asks whose source breaks off each time: is the blob short, or is it the line? */
static int script_check_blob(struct sp_store *store, const struct sp_digest *digest,
                             uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                             struct sp_err *err)
{
  (void)digest;
  (void)err;
  bool is_short = ((struct script *)store)->is_short;
  *out = (struct sp_blob_state){.state = is_short ? SP_BLOB_DAMAGED : SP_BLOB_PRESENT,
                                .proof = is_short ? SP_PROOF_NONE : want,
                                .size_bytes = size_bytes};
  return 0;
}

static const struct sp_store_ops script_ops = {.open_read = script_open_read,
                                               .begin_write = script_begin_write,
                                               .check_blob = script_check_blob};
#define SCRIPT(...) ((struct script){.store = {.ops = &script_ops, .name = "script"}, __VA_ARGS__})

#endif
