/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that run side by side and know of each other by their holdings. */
#include "fixture.h"

#include "base/pool.h"

#define IMAGES 40
#define LAYERS 3 /* layer 0 is the same in all images */

struct jobs {
  struct fx fx;
  struct sp_holdings *holdings;
  size_t place[FX_PLACES]; /* of each destination, among the holdings */
  struct fx_ref images[IMAGES];
  struct sp_report *reports[IMAGES];
  bool is_empty;
  bool one_each; /* image i goes to destination i % destinations alone */
};

/* `group`: the registry that all destinations belong to, or NULL. */
static void jobs_init(struct jobs *jobs, size_t destinations, const char *group)
{
  struct sp_err err = SP_ERR_INIT;
  *jobs = (struct jobs){.is_empty = true};
  fx_init(&jobs->fx, destinations);
  assert_int_equal(sp_holdings_new(&jobs->holdings, &err), 0);
  for (size_t i = 1; i <= destinations; i++) {
    if (group)
      sp_memory_set_group(jobs->fx.memory[i], group);
    assert_int_equal(
        sp_holdings_add_take(jobs->holdings, &jobs->fx.spy[i]->store, &jobs->place[i], &err), 0);
  }
  for (unsigned i = 0; i < IMAGES; i++)
    jobs->images[i] = fx_add_image(jobs->fx.memory[0], 10 + i, LAYERS, NULL);
}

static void jobs_clear(struct jobs *jobs)
{
  for (size_t i = 0; i < IMAGES; i++)
    sp_report_free(jobs->reports[i]);
  sp_holdings_free(jobs->holdings);
  jobs->fx.destinations = 0; /* the holdings have closed them */
  fx_clear(&jobs->fx);
}

static void job_task(void *ctx, size_t i)
{
  struct jobs *jobs = ctx;
  struct sp_err err = SP_ERR_INIT;
  char tag[16];
  snprintf(tag, sizeof tag, "1.0.%zu", i);
  const char *tags[] = {tag};
  struct sp_transfer_destination to[FX_PLACES];
  const char *names[FX_PLACES];
  size_t count = 0;
  for (size_t k = 1; k <= jobs->fx.destinations; k++) {
    if (jobs->one_each && i % jobs->fx.destinations != k - 1)
      continue;
    names[count] = jobs->fx.spy[k]->store.name;
    to[count++] = (struct sp_transfer_destination){.store = &jobs->fx.spy[k]->store,
                                                   .tags = tags,
                                                   .tag_count = 1,
                                                   .is_empty = jobs->is_empty,
                                                   .place = jobs->place[k]};
  }
  if (sp_report_new(SP_REPORT_PUSH, "source", names, count, &jobs->reports[i], &err) < 0)
    abort();
  struct sp_transfer transfer = {.source = &jobs->fx.spy[0]->store,
                                 .digest = jobs->images[i].digest,
                                 .destinations = to,
                                 .destination_count = count,
                                 .holdings = jobs->holdings};
  sp_transfer_run(&transfer, jobs->reports[i]);
  jobs->reports[i]->exit_status = sp_report_exit_status(jobs->reports[i]);
}

/* How often an operation succeeded or failed on one subject there. */
static size_t count_of(const struct jobs *jobs, int place, const char *op,
                       const struct sp_digest *digest)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  size_t n = 0;
  for (size_t i = 0; i < jobs->fx.log.count; i++) {
    const struct fx_event *event = &jobs->fx.log.events[i];
    n += event->place == place && strcmp(event->op, op) == 0 && strcmp(event->subject, text) == 0;
  }
  return n;
}

static struct sp_digest shared_layer(struct jobs *jobs)
{
  return fx_add_blob(jobs->fx.memory[0], 7, 5000).digest;
}

static void assert_all_good(const struct jobs *jobs)
{
  for (size_t i = 0; i < IMAGES; i++) {
    assert_int_equal(jobs->reports[i]->exit_status, 0);
    for (size_t k = 0; k < jobs->reports[i]->place_count; k++)
      assert_string_equal(jobs->reports[i]->places[k].proof, "touched");
  }
}

/* What all images share is read once and sent once to each destination, nobody asks a place where
 * nothing was, and every blob that was sent is looked at, once. */
static void test_shared_layer_once(void **state)
{
  (void)state;
  struct jobs jobs;
  jobs_init(&jobs, 2, NULL);
  sp_pool_run(IMAGES, IMAGES, job_task, &jobs);
  assert_all_good(&jobs);
  struct sp_digest shared = shared_layer(&jobs);
  for (int place = 1; place <= 2; place++) {
    assert_int_equal(count_of(&jobs, place, "finish", &shared), 1);
    assert_int_equal(fx_count(&jobs.fx, place, "finish"), 1 + IMAGES * LAYERS);
    assert_int_equal(fx_count(&jobs.fx, place, "check_blob"), 1 + IMAGES * LAYERS);
    assert_int_equal(fx_count(&jobs.fx, place, "stat_manifest"), 0);
    fx_assert_closed(jobs.fx.memory[place]);
  }
  jobs_clear(&jobs);
}

/* A registry that takes a blob and has less of it, or nothing, the first `times` times. */
struct careless {
  struct sp_store *memory;
  struct sp_digest digest;
  bool is_cut;
  unsigned times;
};

static void lose(struct fx_spy *spy, const char *op, const char *subject)
{
  struct careless *careless = spy->after_ctx;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&careless->digest, text);
  if (strcmp(op, "finish") != 0 || strcmp(subject, text) != 0 || careless->times == 0)
    return;
  careless->times--;
  if (careless->is_cut)
    sp_memory_truncate(careless->memory, &careless->digest, 100);
  else
    sp_memory_wipe(careless->memory, &careless->digest);
}

/* A small blob of the last image, after hundreds of others that were good. */
static void test_late_blob_is_looked_at(void **state)
{
  (void)state;
  const unsigned last = IMAGES - 1;
  for (unsigned variant = 0; variant < 4; variant++) {
    struct jobs jobs;
    jobs_init(&jobs, 1, NULL);
    unsigned seed = 10 + last;
    struct careless careless = {
        .memory = jobs.fx.memory[1],
        .digest = fx_add_blob(jobs.fx.memory[0], seed * 100 + 1, 3000 + seed).digest,
        .is_cut = variant % 2,
        .times = variant < 2 ? 1 : 100};
    jobs.fx.spy[1]->after = lose;
    jobs.fx.spy[1]->after_ctx = &careless;
    for (size_t i = 0; i < IMAGES; i++)
      job_task(&jobs, i);
    bool is_healed = variant < 2;
    assert_int_equal(jobs.reports[last - 1]->exit_status, 0);
    assert_int_equal(jobs.reports[last]->exit_status != 0, !is_healed);
    assert_int_equal(fx_has(jobs.fx.memory[1], "1.0.39", &jobs.images[last]), is_healed);
    assert_int_equal(fx_named(jobs.fx.memory[1], "1.0.39").alg != SP_DIGEST_NONE, is_healed);
    bool is_always_gone = variant == 2; /* as a collector would have it: tried once more */
    assert_int_equal(count_of(&jobs, 1, "finish", &careless.digest), is_always_gone ? 3 : 2);
    jobs_clear(&jobs);
  }
}

/* A place that had something is asked, and looked at after the blob was sent; what one job found
 * out the next knows. */
static void test_known_is_not_asked_again(void **state)
{
  (void)state;
  struct jobs jobs;
  jobs_init(&jobs, 1, NULL);
  jobs.is_empty = false;
  for (size_t i = 0; i < IMAGES; i++)
    job_task(&jobs, i);
  assert_all_good(&jobs);
  struct sp_digest shared = shared_layer(&jobs);
  assert_int_equal(count_of(&jobs, 1, "check_blob", &shared), 2);
  assert_int_equal(count_of(&jobs, 1, "begin_write", &shared), 1);
  jobs_clear(&jobs);
}

/* Repositories of one registry: the layer is sent to one of them and mounted into the other. */
static void test_sibling_is_mounted_from(void **state)
{
  (void)state;
  struct jobs jobs;
  jobs_init(&jobs, 2, "registry");
  jobs.one_each = true;
  sp_pool_run(IMAGES, IMAGES, job_task, &jobs);
  assert_all_good(&jobs);
  struct sp_digest shared = shared_layer(&jobs);
  assert_int_equal(count_of(&jobs, 1, "finish", &shared) + count_of(&jobs, 2, "finish", &shared),
                   1);
  assert_int_equal(
      count_of(&jobs, 1, "mount_blob", &shared) + count_of(&jobs, 2, "mount_blob", &shared), 1);
  jobs_clear(&jobs);
}

/* The job that had the layer in hand fails: those that waited for it send it themselves. */
static void test_claim_of_failed_job_is_free(void **state)
{
  (void)state;
  struct jobs jobs;
  jobs_init(&jobs, 1, NULL);
  jobs.fx.spy[1]->fault =
      (struct fx_fault){.op = "begin_write", .nth = 1, .times = 1, .code = SP_E_AUTH};
  sp_pool_run(IMAGES, IMAGES, job_task, &jobs);
  size_t failed = 0;
  for (size_t i = 0; i < IMAGES; i++)
    failed += jobs.reports[i]->exit_status != 0;
  assert_int_equal(failed, 1);
  fx_assert_closed(jobs.fx.memory[1]);
  jobs_clear(&jobs);
}

/* -- the table by itself */

static void test_claims(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_HOLDINGS struct sp_holdings *holdings = NULL;
  assert_int_equal(sp_holdings_new(&holdings, &err), 0);
  size_t places[2];
  struct sp_store *stores[2];
  for (int i = 0; i < 2; i++) {
    assert_int_equal(sp_memory_new(i ? "b" : "a", &stores[i], &err), 0);
    sp_memory_set_group(stores[i], "registry");
    assert_int_equal(sp_holdings_add_take(holdings, stores[i], &places[i], &err), 0);
  }
  const struct sp_digest digest = {.alg = SP_DIGEST_SHA256, .raw = {1}};
  struct sp_claim mine = sp_holdings_claim(holdings, places[0], &digest);
  assert_int_equal(mine.kind, SP_CLAIM_MINE);
  assert_int_equal(sp_holdings_claim(holdings, places[0], &digest).kind, SP_CLAIM_BUSY);
  assert_int_equal(sp_holdings_claim(holdings, places[1], &digest).kind, SP_CLAIM_BUSY);
  assert_int_equal(sp_holdings_find(holdings, places[0], &digest).proof, SP_PROOF_NONE);
  const struct sp_holding there = {.proof = SP_PROOF_TOUCHED, .seen_ms = 5};
  sp_holdings_settle(holdings, &mine, places[0], &digest, &there);
  assert_int_equal(sp_holdings_claim(holdings, places[0], &digest).kind, SP_CLAIM_HERE);
  assert_int_equal(sp_holdings_find(holdings, places[0], &digest).seen_ms, 5);
  struct sp_claim other = sp_holdings_claim(holdings, places[1], &digest);
  assert_int_equal(other.kind, SP_CLAIM_MINE);
  assert_ptr_equal(other.donor, stores[0]);
  sp_holdings_settle(holdings, &other, places[1], &digest,
                     &(struct sp_holding){.proof = SP_PROOF_NONE});
  sp_holdings_forget(holdings, places[0]);
  other = sp_holdings_claim(holdings, places[1], &digest);
  assert_int_equal(other.kind, SP_CLAIM_MINE);
  assert_null(other.donor);
  sp_holdings_settle(holdings, &other, places[1], &digest, &there);
}

/* The table is capped: it forgets facts, never claims; and it closes old places for new ones. */
static void test_is_bounded(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_HOLDINGS struct sp_holdings *holdings = NULL;
  assert_int_equal(sp_holdings_new(&holdings, &err), 0);
  size_t first = 0;
  for (size_t i = 0; i < SP_HOLDINGS_PLACES_MAX + 100; i++) {
    struct sp_store *store;
    size_t place;
    assert_int_equal(sp_memory_new("m", &store, &err), 0);
    assert_int_equal(sp_holdings_add_take(holdings, store, &place, &err), 0);
    assert_true(place < SP_HOLDINGS_PLACES_MAX);
    if (i == 0)
      first = place;
    else
      sp_holdings_leave(holdings, place);
  }
  const struct sp_holding there = {.proof = SP_PROOF_TOUCHED, .seen_ms = 1};
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256, .raw = {255, 255, 255}};
  struct sp_claim claim = sp_holdings_claim(holdings, first, &digest);
  size_t known = 0;
  for (uint32_t i = 0; i < 3 * SP_HOLDINGS_FACTS_MAX; i++) {
    struct sp_digest other = {.alg = SP_DIGEST_SHA256};
    memcpy(other.raw, &(uint32_t){i * 2654435761u}, sizeof i);
    sp_holdings_note(holdings, first, &other, &there);
    known += sp_holdings_find(holdings, first, &other).proof == SP_PROOF_TOUCHED;
  }
  assert_int_equal(known, 3 * SP_HOLDINGS_FACTS_MAX); /* the newest is always known */
  assert_int_equal(sp_holdings_claim(holdings, first, &digest).kind, SP_CLAIM_BUSY);
  sp_holdings_settle(holdings, &claim, first, &digest, &there);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shared_layer_once),
      cmocka_unit_test(test_late_blob_is_looked_at),
      cmocka_unit_test(test_known_is_not_asked_again),
      cmocka_unit_test(test_sibling_is_mounted_from),
      cmocka_unit_test(test_claim_of_failed_job_is_free),
      cmocka_unit_test(test_claims),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
