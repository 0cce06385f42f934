/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retry.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "store/wrapper.h"

#define FIRST_WAIT_MS 250
#define LONGEST_WAIT_MS 10000

/* 250 ms, 500 ms, ... 10 s, each drawn from its upper half: many that failed at once do not come
 * back at once. */
static int64_t backoff_ms(int tries)
{
  int64_t full = FIRST_WAIT_MS;
  for (int i = 0; i < tries && full < LONGEST_WAIT_MS; i++)
    full *= 2;
  if (full > LONGEST_WAIT_MS)
    full = LONGEST_WAIT_MS;
  return full / 2 + (int64_t)sp_random_below((uint64_t)full / 2 + 1);
}

/* How long to wait before the next try; -1: there is to be none. */
static int64_t next_wait_ms(struct sp_retry_wait *wait, int64_t retry_for_ms,
                            const struct sp_err *err)
{
  int64_t now = sp_clock_mono_ms();
  if (wait->first_failure_ms < 0)
    wait->first_failure_ms = now;
  int64_t left = wait->first_failure_ms + wait->throttled_ms + retry_for_ms - now;
  if (left <= 0 || err->retry_after_ms > SP_RETRY_AFTER_MAX_MS)
    return -1;
  int64_t ms = backoff_ms(wait->tries);
  if (err->retry_after_ms <= 0)
    return ms < left ? ms : left; /* one last try at the very end */
  int64_t patience = SP_RETRY_AFTER_MAX_MS - wait->throttled_ms;
  if (patience <= 0)
    return -1;
  int64_t asked = err->retry_after_ms < patience ? err->retry_after_ms : patience;
  wait->throttled_ms += asked > ms ? asked : ms;
  return asked > ms ? asked : ms;
}

bool sp_retry_wait(struct sp_retry_wait *wait, const struct sp_retry_policy *policy,
                   struct sp_err *err)
{
  if (!sp_code_is_retryable(err->code))
    return false;
  int64_t ms = next_wait_ms(wait, policy->retry_for_ms, err);
  if (ms < 0)
    return false;
  wait->tries++;
  sp_log(SP_LOG_INFO, "trying again in %lld ms: %s", (long long)ms, err->msg);
  struct sp_err interrupted = SP_ERR_INIT;
  if (sp_cancel_sleep(policy->cancel, ms, &interrupted) == 0)
    return true;
  sp_err_copy(err, &interrupted);
  return false;
}

/* -- the wrapper */

struct retry {
  struct sp_wrapper wrapper; /* first */
  struct sp_retry_policy policy;
};

static int retry_around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  const struct retry *retry = (const struct retry *)wrapper;
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  struct sp_err failure = SP_ERR_INIT;
  while (sp_call_run(call, &failure) < 0) {
    if (!sp_retry_wait(&wait, &retry->policy, &failure)) {
      sp_err_copy(err, &failure);
      return -1;
    }
    sp_err_clear(&failure);
  }
  return 0;
}

static void retry_free(struct sp_wrapper *wrapper)
{
  free(wrapper);
}

static const struct sp_wrapper_ops retry_ops = {.around = retry_around, .free = retry_free};

int sp_retry_wrap_take(struct sp_store *inner, const struct sp_retry_policy *policy,
                       struct sp_store **out, struct sp_err *err)
{
  struct retry *retry = calloc(1, sizeof *retry);
  if (!retry)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  retry->policy = *policy;
  sp_wrapper_init(&retry->wrapper, &retry_ops, inner);
  *out = &retry->wrapper.store;
  return 0;
}
