/* SPDX-License-Identifier: Apache-2.0 */
#include "aftermath.h"

#include "shim.h"

#define LATER_S 7200 /* older than SP_SWEEP_AGE_S */

/* `latest` names the old or the new image, and that image is whole. */
static bool is_new(const struct fx_place *place)
{
  SP_AUTO_STORE struct sp_store *store = fx_open(place, SP_LAYOUT_READ);
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  struct sp_digest new_digest = fx_image_digest("new");
  fx_must(sp_store_resolve(store, "latest", &named, &err), &err);
  bool new = sp_digest_eq(&named.digest, &new_digest);
  fx_must_be(place, "latest", new ? "new" : "old");
  if (new)
    fx_must_be(place, "new", "new"); /* all tags of a job move at once */
  else
    fx_must_fail(sp_store_resolve(store, "new", &named, &err), &err, SP_E_NOT_FOUND);
  return new;
}

void aftermath_check(const struct fx_place *place, bool was_told_done)
{
  fx_must_be(place, "old", "old");
  assert_null(fx_wrong_blob(place->dir));
  bool new = is_new(place);
  if (was_told_done)
    assert_true(new);
}

void aftermath_check_next_run(const struct fx_place *place, bool had_old)
{
  struct sp_err err = SP_ERR_INIT;
  shim_set_clock_ahead(LATER_S);
  fx_must(fx_publish(place, "new", &err), &err);
  shim_set_clock_ahead(0);
  assert_true(is_new(place));
  if (had_old)
    fx_must_be(place, "old", "old");
  assert_null(fx_wrong_blob(place->dir));
  assert_int_equal(fx_count_temps(place->dir), 0);
}
