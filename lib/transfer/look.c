/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/look.h"

#include "transfer/report.h"
#include "transfer/trouble.h"

static void find(struct sp_look *look, enum sp_have have, const char *finding)
{
  look->have = have;
  look->proof = SP_PROOF_NONE;
  look->finding = finding;
}

/* Asks for less than the bytes. */
static int check(struct sp_look *look, enum sp_proof want, struct sp_err *err)
{
  struct sp_blob_state state;
  struct sp_err failure = SP_ERR_INIT;
  if (sp_store_check_blob(look->store, &look->blob->digest, look->blob->size_bytes, want, &state,
                          &failure) < 0) {
    if (!sp_trouble_is_damage(&failure)) {
      sp_err_copy(err, &failure);
      return -1;
    }
    state.state = SP_BLOB_DAMAGED;
  }
  if (state.state == SP_BLOB_ABSENT)
    find(look, SP_HAVE_ABSENT, SP_FINDING_MISSING);
  else if (state.state == SP_BLOB_DAMAGED)
    find(look, SP_HAVE_DAMAGED, SP_FINDING_SHORT);
  else
    find(look, SP_HAVE_PRESENT, NULL);
  if (state.state == SP_BLOB_PRESENT)
    look->proof = state.proof;
  return 0;
}

static int read_whole(struct sp_look *look, struct sp_err *err)
{
  struct sp_relay relay = {.source = look->store,
                           .digest = look->blob->digest,
                           .size_bytes = look->blob->size_bytes,
                           .ring_bytes = look->ring_bytes,
                           .retry_for_ms = look->retry_for_ms,
                           .cancel = look->cancel,
                           .progress = look->progress,
                           .progress_ctx = look->progress_ctx};
  struct sp_err failure = SP_ERR_INIT;
  int failed = sp_relay_run(&relay, &failure);
  look->read_bytes = relay.read_bytes;
  if (!failed) {
    find(look, SP_HAVE_PRESENT, NULL);
    look->proof = SP_PROOF_READ;
    look->is_line_flaky = relay.wrong_readings > 0;
    return 0;
  }
  if (failure.code == SP_E_NOT_FOUND)
    find(look, SP_HAVE_ABSENT, SP_FINDING_MISSING);
  else if (sp_trouble_is_damage(&failure))
    find(look, SP_HAVE_DAMAGED, relay.is_short ? SP_FINDING_SHORT : SP_FINDING_WRONG);
  else {
    sp_err_copy(err, &failure);
    return -1;
  }
  return 0;
}

/* A second look decides between a flaky line and rot, as for bytes in the relay. */
static int check_twice(struct sp_look *look, struct sp_err *err)
{
  if (check(look, look->want, err) < 0)
    return -1;
  if (look->have != SP_HAVE_DAMAGED)
    return 0;
  if (check(look, look->want, err) < 0)
    return -1;
  look->is_line_flaky = look->have == SP_HAVE_PRESENT;
  return 0;
}

int sp_look_at_blob(struct sp_look *look, struct sp_err *err)
{
  find(look, SP_HAVE_UNKNOWN, NULL);
  look->read_bytes = 0;
  look->is_line_flaky = false;
  return look->want == SP_PROOF_READ ? read_whole(look, err) : check_twice(look, err);
}
