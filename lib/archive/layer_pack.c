/* SPDX-License-Identifier: Apache-2.0 */
/* Workers take blocks in order of their number and compress them each into a slot of its own; the
 * calling thread takes the slots in the same order, hashes both sides and writes. There are a few
 * more slots than workers: a worker that is ahead waits for its slot to be emptied.
 *
 * What a worker costs depends on the method and its level (gzip:4 3 MiB, zstd:19 19 MiB), so how
 * many there are follows from a budget of bytes, and not from the number of cores alone. */
#include "archive/layer_pack.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/pool.h"

#define WORKERS_MAX SP_PACK_THREADS_MAX
#define WORKERS_MIN 2 /* whatever they cost */
#define SPARE_SLOTS 2
#define SLOTS_MAX (WORKERS_MAX + SPARE_SLOTS)

struct slot {
  char *in, *out; /* owned */
  size_t in_len, out_len;
  bool is_full;
};

struct work {
  struct sp_layer_pack *pack;
  uint64_t block_count;
  struct slot slots[SLOTS_MAX];
  size_t slot_count;
  pthread_mutex_t lock; /* guards what follows, and is_full of slots */
  pthread_cond_t changed;
  uint64_t next;  /* block to be taken by a worker */
  uint64_t taken; /* blocks that the caller is done with */
  bool is_over;   /* somebody failed: */
  struct sp_err err;
};

/* -- workers */

static void fail(struct work *work, const struct sp_err *err)
{
  SP_LOCK_SCOPE(&work->lock);
  if (!work->is_over)
    sp_err_copy(&work->err, err);
  work->is_over = true;
  pthread_cond_broadcast(&work->changed);
}

/* The next block whose slot is free. False: there is none any more. */
static bool take_block(struct work *work, uint64_t *block)
{
  SP_LOCK_SCOPE(&work->lock);
  if (work->next >= work->block_count)
    return false;
  *block = work->next++;
  while (!work->is_over && *block - work->taken >= work->slot_count)
    pthread_cond_wait(&work->changed, &work->lock);
  return !work->is_over;
}

static int read_block(const struct sp_layer_pack *pack, uint64_t block, struct slot *slot,
                      struct sp_err *err)
{
  uint64_t at = block * SP_COMPRESSION_BLOCK_BYTES;
  uint64_t left = pack->from_bytes - at;
  size_t want = left < SP_COMPRESSION_BLOCK_BYTES ? (size_t)left : SP_COMPRESSION_BLOCK_BYTES;
  slot->in_len = 0;
  while (slot->in_len < want) {
    ssize_t n = pread(pack->from_fd, slot->in + slot->in_len, want - slot->in_len,
                      (off_t)(pack->from + at + slot->in_len));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return sp_fail_sys(err, SP_E_IO, errno, "it cannot be read");
    if (n == 0)
      return sp_fail(err, SP_E_DIGEST, "it became shorter while it was read");
    slot->in_len += (size_t)n;
  }
  return 0;
}

static int compress_block(struct work *work, struct sp_compressor *compressor, uint64_t block,
                          struct sp_err *err)
{
  struct slot *slot = &work->slots[block % work->slot_count];
  if (sp_cancel_check(work->pack->cancel, err) < 0 || read_block(work->pack, block, slot, err) < 0)
    return -1;
  slot->out_len = sp_compressor_block(compressor, slot->in, slot->in_len, slot->out);
  if (slot->out_len == 0)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a compressor");
  SP_LOCK_SCOPE(&work->lock);
  slot->is_full = true;
  pthread_cond_broadcast(&work->changed);
  return 0;
}

static void *run_worker(void *ctx)
{
  struct work *work = ctx;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_COMPRESSOR struct sp_compressor *compressor = NULL;
  uint64_t block;
  int failed = sp_compressor_new(&work->pack->compression, &compressor, &err);
  while (!failed && take_block(work, &block))
    failed = compress_block(work, compressor, block, &err);
  if (failed)
    fail(work, &err);
  return NULL;
}

/* -- the caller */

/* Waits for the block. False: somebody failed. */
static bool await(struct work *work, struct slot *slot)
{
  SP_LOCK_SCOPE(&work->lock);
  while (!slot->is_full && !work->is_over)
    pthread_cond_wait(&work->changed, &work->lock);
  return slot->is_full;
}

static void release(struct work *work, struct slot *slot)
{
  SP_LOCK_SCOPE(&work->lock);
  slot->is_full = false;
  work->taken++;
  pthread_cond_broadcast(&work->changed);
}

static int collect(struct work *work, struct sp_hasher *in, struct sp_hasher *out,
                   struct sp_err *err)
{
  struct sp_layer_pack *pack = work->pack;
  pack->size_bytes = 0;
  for (uint64_t block = 0; block < work->block_count; block++) {
    struct slot *slot = &work->slots[block % work->slot_count];
    if (!await(work, slot)) {
      sp_err_copy(err, &work->err);
      return -1;
    }
    sp_hasher_update(in, slot->in, slot->in_len);
    sp_hasher_update(out, slot->out, slot->out_len);
    if (sp_spool_write(pack->spool, pack->to_fd, pack->to + pack->size_bytes, slot->out,
                       slot->out_len, err) < 0)
      return -1;
    pack->size_bytes += slot->out_len;
    release(work, slot);
  }
  sp_hasher_finish(in, &pack->diff_id);
  sp_hasher_finish(out, &pack->digest);
  return 0;
}

/* -- putting it together */

static unsigned core_count(void)
{
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) < 0)
    return 1;
  return (unsigned)CPU_COUNT(&cores);
}

static int make_slot(struct work *work, size_t out_bytes, struct sp_err *err)
{
  struct slot *slot = &work->slots[work->slot_count++];
  slot->in = malloc(SP_COMPRESSION_BLOCK_BYTES);
  slot->out = malloc(out_bytes);
  if (!slot->in || !slot->out)
    return sp_fail(err, SP_E_NOMEM, "out of memory to compress");
  return 0;
}

/* How many workers the budget allows. */
static size_t count_affordable(size_t slot_bytes, size_t compressor_bytes)
{
  size_t spare = SPARE_SLOTS * slot_bytes;
  size_t count = (SP_MAX_PACK_BYTES - spare) / (slot_bytes + compressor_bytes);
  return count > WORKERS_MIN ? count : WORKERS_MIN;
}

/* Decides on the number of workers, and makes their slots. A block of zeros tells what a compressor
 * takes that takes its memory on first use. */
static int make_slots(struct work *work, size_t *workers, struct sp_err *err)
{
  SP_AUTO_COMPRESSOR struct sp_compressor *compressor = NULL;
  if (sp_compressor_new(&work->pack->compression, &compressor, err) < 0)
    return -1;
  size_t out_bytes = sp_compressor_bound(compressor);
  if (make_slot(work, out_bytes, err) < 0)
    return -1;
  memset(work->slots[0].in, 0, SP_COMPRESSION_BLOCK_BYTES);
  (void)sp_compressor_block(compressor, work->slots[0].in, SP_COMPRESSION_BLOCK_BYTES,
                            work->slots[0].out);
  size_t affordable =
      count_affordable(SP_COMPRESSION_BLOCK_BYTES + out_bytes, sp_compressor_size(compressor));
  *workers = work->pack->threads ? work->pack->threads : core_count();
  *workers = *workers < affordable ? *workers : affordable;
  *workers = *workers < WORKERS_MAX ? *workers : WORKERS_MAX;
  *workers = *workers < work->block_count ? *workers : (size_t)work->block_count;
  for (size_t i = 1; i < *workers + SPARE_SLOTS; i++) {
    if (make_slot(work, out_bytes, err) < 0)
      return -1;
  }
  return 0;
}

/* As many workers as can be had; one is enough. Answers how many. */
static size_t start_workers(struct work *work, pthread_t *workers, size_t threads,
                            struct sp_err *err)
{
  size_t made = 0;
  struct sp_err why = SP_ERR_INIT;
  while (made < threads && sp_pool_thread(run_worker, work, &workers[made], &why) == 0)
    made++;
  if (made == 0)
    sp_err_copy(err, &why);
  return made;
}

static int run_all(struct work *work, size_t threads, struct sp_err *err)
{
  SP_AUTO_HASHER struct sp_hasher *in = NULL;
  SP_AUTO_HASHER struct sp_hasher *out = NULL;
  pthread_t workers[WORKERS_MAX];
  if (sp_hasher_new(SP_DIGEST_SHA256, &in, err) < 0 ||
      sp_hasher_new(SP_DIGEST_SHA256, &out, err) < 0)
    return -1;
  size_t made = start_workers(work, workers, threads, err);
  int failed = made == 0 ? -1 : collect(work, in, out, err);
  if (failed)
    fail(work, err);
  for (size_t i = 0; i < made; i++)
    pthread_join(workers[i], NULL);
  return failed;
}

static void free_work(struct work **work)
{
  if (!*work)
    return;
  for (size_t i = 0; i < (*work)->slot_count; i++) {
    free((*work)->slots[i].in);
    free((*work)->slots[i].out);
  }
  pthread_cond_destroy(&(*work)->changed);
  pthread_mutex_destroy(&(*work)->lock);
  free(*work);
}

int sp_layer_pack_run(struct sp_layer_pack *pack, struct sp_err *err)
{
  SP_CLEANUP(free_work) struct work *work = calloc(1, sizeof *work);
  if (!work)
    return sp_fail(err, SP_E_NOMEM, "out of memory to compress");
  pthread_mutex_init(&work->lock, NULL);
  pthread_cond_init(&work->changed, NULL);
  work->pack = pack;
  work->err = SP_ERR_INIT;
  work->block_count = pack->from_bytes / SP_COMPRESSION_BLOCK_BYTES +
                      (pack->from_bytes % SP_COMPRESSION_BLOCK_BYTES > 0);
  if (work->block_count == 0)
    work->block_count = 1; /* nothing, compressed, is something */
  size_t workers;
  if (make_slots(work, &workers, err) < 0)
    return -1;
  return run_all(work, workers, err);
}
