/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out does not depend on how the bytes come in: all at once, or one by one. And never
 * more than the bound allows. */
#include "archive/inflate.h"

#include <stdint.h>

#include "oci/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct drip {
  struct sp_input base;
  const uint8_t *data;
  size_t left, most;
};

static int drip_read(struct sp_input *base, void *buf, size_t n, size_t *got, struct sp_err *err)
{
  (void)err;
  struct drip *drip = (struct drip *)base;
  *got = n < drip->most ? n : drip->most;
  if (*got > drip->left)
    *got = drip->left;
  if (*got > 0)
    memcpy(buf, drip->data, *got);
  drip->data += *got;
  drip->left -= *got;
  return 0;
}

static void drip_close(struct sp_input *base)
{
  (void)base;
}

/* 0 or -1, and the digest of what came out. */
static int drain(const uint8_t *data, size_t size, size_t in_most, size_t out_most,
                 struct sp_digest *digest)
{
  static const struct sp_input_ops ops = {.read = drip_read, .close = drip_close};
  struct drip drip = {.base = {.ops = &ops}, .data = data, .left = size, .most = in_most};
  struct sp_err err = SP_ERR_INIT;
  SP_CLEANUP(sp_input_close_auto_) struct sp_input *input = NULL;
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  char buffer[65536];
  uint64_t total = 0;
  if (sp_inflate_open_take(&drip.base, &input, NULL, &err) < 0 ||
      sp_hasher_new(SP_DIGEST_SHA256, &hasher, &err) < 0)
    return -1;
  for (;;) {
    size_t got;
    if (input->ops->read(input, buffer, out_most, &got, &err) < 0)
      return -1;
    if (got == 0)
      break;
    if (got > out_most)
      abort();
    sp_hasher_update(hasher, buffer, got);
    total += got;
  }
  if (total > SP_INFLATE_FREE_BYTES + (uint64_t)size * SP_INFLATE_MOST_TIMES)
    abort();
  sp_hasher_finish(hasher, digest);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_digest once = {0};
  struct sp_digest again = {0};
  int first = drain(data, size, SIZE_MAX, 65536, &once);
  int second = drain(data, size, 1, 4099, &again);
  if (first != second || (first == 0 && !sp_digest_eq(&once, &again)))
    abort();
  return 0;
}
