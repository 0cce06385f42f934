/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/sharing.h"

#include "base/clock.h"
#include "transfer/prove.h"

/* NULL: this run is on its own. */
static struct sp_holdings *holdings_of(const struct sp_run *run)
{
  return run->round > 0 ? NULL : run->job->holdings;
}

static size_t number_of(const struct sp_run *run, size_t place)
{
  return run->job->destinations[place].place;
}

/* -- facts */

static void believe(struct sp_blob_fact *fact, const struct sp_holding *holding)
{
  fact->have = SP_HAVE_PRESENT;
  fact->proof = holding->proof;
  fact->seen_ms = holding->seen_ms;
}

bool sp_sharing_find_blob(struct sp_run *run, size_t place, size_t blob)
{
  struct sp_holdings *holdings = holdings_of(run);
  if (!holdings)
    return false;
  struct sp_holding holding =
      sp_holdings_find(holdings, number_of(run, place), &run->image.blobs[blob].digest);
  if (holding.proof == SP_PROOF_NONE)
    return false;
  believe(&run->facts.places[place].blobs[blob], &holding);
  return true;
}

/* A manifest that was read back long ago is read again: nothing else looks at it any more. */
bool sp_sharing_find_node(struct sp_run *run, size_t place, size_t node)
{
  struct sp_holdings *holdings = holdings_of(run);
  if (!holdings)
    return false;
  struct sp_holding holding =
      sp_holdings_find(holdings, number_of(run, place), &run->image.nodes[node].manifest.digest);
  if (holding.proof == SP_PROOF_NONE)
    return false;
  struct sp_node_fact *fact = &run->facts.places[place].nodes[node];
  fact->have = SP_HAVE_PRESENT;
  fact->is_read_back = sp_clock_mono_ms() - holding.seen_ms < SP_PROVE_MAX_AGE_MS;
  return true;
}

void sp_sharing_note_blob(struct sp_run *run, size_t place, size_t blob)
{
  struct sp_holdings *holdings = holdings_of(run);
  const struct sp_blob_fact *fact = &run->facts.places[place].blobs[blob];
  if (!holdings || fact->have != SP_HAVE_PRESENT)
    return;
  const struct sp_holding holding = {.proof = fact->proof, .seen_ms = fact->seen_ms};
  sp_holdings_note(holdings, number_of(run, place), &run->image.blobs[blob].digest, &holding);
}

void sp_sharing_note_node(struct sp_run *run, size_t place, size_t node)
{
  struct sp_holdings *holdings = holdings_of(run);
  if (!holdings || !run->facts.places[place].nodes[node].is_read_back)
    return;
  const struct sp_holding holding = {.proof = SP_PROOF_READ, .seen_ms = sp_clock_mono_ms()};
  sp_holdings_note(holdings, number_of(run, place), &run->image.nodes[node].manifest.digest,
                   &holding);
}

void sp_sharing_forget(struct sp_run *run, size_t place)
{
  if (run->job->holdings)
    sp_holdings_forget(run->job->holdings, number_of(run, place));
}

/* -- claims */

struct sp_claim sp_sharing_claim(struct sp_run *run, size_t place, size_t blob)
{
  struct sp_holdings *holdings = holdings_of(run);
  if (!holdings)
    return (struct sp_claim){.kind = SP_CLAIM_MINE};
  struct sp_claim claim =
      sp_holdings_claim(holdings, number_of(run, place), &run->image.blobs[blob].digest);
  if (claim.kind == SP_CLAIM_HERE)
    believe(&run->facts.places[place].blobs[blob], &claim.holding);
  return claim;
}

void sp_sharing_settle(struct sp_run *run, const struct sp_claim *claim, size_t place, size_t blob)
{
  struct sp_holdings *holdings = holdings_of(run);
  if (!holdings)
    return;
  const struct sp_blob_fact *fact = &run->facts.places[place].blobs[blob];
  struct sp_holding holding = {.proof = SP_PROOF_NONE};
  if (fact->have == SP_HAVE_PRESENT)
    holding = (struct sp_holding){.proof = fact->proof, .seen_ms = fact->seen_ms};
  sp_holdings_settle(holdings, claim, number_of(run, place), &run->image.blobs[blob].digest,
                     &holding);
}

void sp_sharing_wait(struct sp_run *run, size_t place, size_t blob)
{
  struct sp_holdings *holdings = holdings_of(run);
  if (holdings)
    sp_holdings_wait(holdings, number_of(run, place), &run->image.blobs[blob].digest,
                     run->job->cancel);
}
