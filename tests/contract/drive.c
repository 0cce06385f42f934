/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the ends of blobs by hand, as far as a check wants: the relay would not let wrong bytes
 * through. Works for blocking and for event-driven ends. */
#include "check.h"
#include "oci/media_type.h"

#define RING_BYTES 65536
#define PATIENCE_MS 100 /* between looks at an end that moves by itself */

char *drive_bytes(size_t len, unsigned seed)
{
  char *bytes = malloc(len + 1);
  assert_non_null(bytes);
  for (size_t i = 0; i < len; i++)
    bytes[i] = (char)(i * 17 + i / 255 + seed * 101);
  return bytes;
}

struct sp_digest drive_digest(enum sp_digest_alg alg, const void *bytes, size_t len)
{
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_digest_of(alg, bytes, len, &digest, &err), 0);
  return digest;
}

/* -- writing */

/* Puts what fits now. Answers how many bytes are in the ring's input by now. */
static size_t feed(struct sp_ring *ring, const char *bytes, size_t len)
{
  char *room;
  size_t done = (size_t)sp_ring_written(ring);
  while (done < len) {
    size_t n = sp_ring_reserve(ring, &room);
    if (n == 0)
      return done;
    if (n > len - done)
      n = len - done;
    memcpy(room, bytes + done, n);
    sp_ring_commit(ring, n);
    done += n;
  }
  return done;
}

/* Moves bytes until `goal` of them were consumed or the end failed. */
static int push(struct sp_writer *writer, struct sp_ring *ring, const char *bytes, size_t len,
                uint64_t goal, struct sp_err *err)
{
  uint64_t seen = 0;
  while (sp_ring_consumed(ring, 0) < goal) {
    feed(ring, bytes, len);
    if (!sp_ring_is_attached(ring, 0, err))
      return -1;
    uint64_t before = sp_ring_consumed(ring, 0);
    if (writer->ops->pump && writer->ops->pump(writer, err) < 0)
      return -1;
    if (sp_ring_consumed(ring, 0) == before)
      seen = sp_ring_wait(ring, seen, PATIENCE_MS);
  }
  return 0;
}

static int write_until(struct sp_writer *writer, struct sp_ring *ring, const char *bytes,
                       size_t len, enum drive_until until, struct sp_err *err)
{
  if (until == DRIVE_BEGIN)
    return 0;
  if (writer->ops->start(writer, ring, 0, err) < 0)
    return -1;
  if (until == DRIVE_START)
    return 0;
  if (until == DRIVE_HALF)
    return push(writer, ring, bytes, len / 2, len / 2 > RING_BYTES ? RING_BYTES / 2 : 0, err);
  if (push(writer, ring, bytes, len, len > 0 ? len - 1 : 0, err) < 0)
    return -1;
  feed(ring, bytes, len);
  sp_ring_close_input(ring, NULL);
  if (until == DRIVE_ALL)
    return 0;
  sp_ring_approve(ring);
  if (push(writer, ring, bytes, len, len, err) < 0)
    return -1;
  return until == DRIVE_FINISHED ? writer->ops->finish(writer, err) : 0;
}

enum sp_code drive_write(struct sp_store *store, const struct sp_digest *digest, const void *bytes,
                         size_t len, enum drive_until until)
{
  SP_AUTO_RING struct sp_ring *ring = NULL;
  struct sp_writer *writer = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_ring_new(len, RING_BYTES, 1, &ring, &err) < 0 ||
      sp_store_begin_write(store, digest, len, &writer, &err) < 0)
    return err.code;
  int rc = write_until(writer, ring, bytes, len, until, &err);
  if (rc < 0 || until != DRIVE_FINISHED)
    sp_ring_abort(ring);
  writer->ops->close(writer);
  return rc < 0 ? err.code : SP_OK;
}

struct sp_digest drive_put_blob(struct sp_store *store, const void *bytes, size_t len)
{
  struct sp_digest digest = drive_digest(SP_DIGEST_SHA256, bytes, len);
  assert_int_equal(drive_write(store, &digest, bytes, len, DRIVE_FINISHED), SP_OK);
  return digest;
}

/* -- reading */

/* Compares what has come. Answers false at the first wrong byte. */
static bool compare(struct sp_ring *ring, const char *want)
{
  const char *bytes;
  bool end;
  bool aborted;
  for (;;) {
    size_t n = sp_ring_peek(ring, 0, &bytes, &end, &aborted);
    if (n == 0)
      return true;
    if (memcmp(bytes, want + sp_ring_consumed(ring, 0), n) != 0)
      return false;
    sp_ring_consume(ring, 0, n);
  }
}

static enum sp_code pull(struct sp_reader *reader, struct sp_ring *ring, const char *want)
{
  struct sp_err err = SP_ERR_INIT;
  uint64_t seen = 0;
  if (reader->ops->start && reader->ops->start(reader, ring, &err) < 0)
    return err.code;
  while (sp_ring_input_state(ring, &err) == SP_RING_OPEN) {
    if (reader->ops->pump && reader->ops->pump(reader, ring, &err) < 0)
      return err.code;
    if (!compare(ring, want))
      return SP_E_DIGEST;
    if (!reader->ops->pump)
      seen = sp_ring_wait(ring, seen, PATIENCE_MS);
  }
  if (!compare(ring, want))
    return SP_E_DIGEST;
  return sp_ring_input_state(ring, &err) == SP_RING_COMPLETE ? SP_OK : err.code;
}

/* As the relay does after a broken connection: the bytes before offset are in the ring already. */
enum sp_code drive_read(struct sp_store *store, const struct sp_digest *digest, const void *bytes,
                        size_t len, size_t offset)
{
  SP_AUTO_RING struct sp_ring *ring = NULL;
  struct sp_reader *reader = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_ring_new(len, RING_BYTES, 1, &ring, &err), 0);
  sp_ring_set_exempt(ring, 0);
  while (feed(ring, bytes, offset) < offset)
    compare(ring, bytes);
  compare(ring, bytes);
  if (sp_store_open_read(store, digest, len, offset, &reader, &err) < 0)
    return err.code;
  enum sp_code code = pull(reader, ring, bytes);
  sp_ring_abort(ring);
  reader->ops->close(reader);
  return code;
}

struct sp_blob_state drive_state(struct sp_store *store, const struct sp_digest *digest,
                                 uint64_t size, enum sp_proof want)
{
  struct sp_blob_state state;
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_check_blob(store, digest, size, want, &state, &err) < 0)
    fail_msg("%s", err.msg);
  return state;
}

/* -- manifests */

void drive_manifest(struct sp_manifest_bytes *out, const char *media_type, struct sp_span text)
{
  struct sp_err err = SP_ERR_INIT;
  sp_manifest_bytes_init(out);
  snprintf(out->media_type, sizeof out->media_type, "%s", media_type);
  assert_int_equal(sp_buf_append_span(&out->bytes, text, &err), 0);
  out->digest = drive_digest(SP_DIGEST_SHA256, text.ptr, text.len);
}

void drive_image(struct sp_manifest_bytes *out, const struct sp_digest *config, size_t config_size,
                 unsigned seed)
{
  char digest[SP_DIGEST_TEXT_MAX];
  char text[1024];
  sp_digest_format(config, digest);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
           "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
           "\"layers\":[],\"annotations\":{\"seed\":\"%u\"}}",
           SP_MEDIA_OCI_MANIFEST, digest, config_size, seed);
  drive_manifest(out, SP_MEDIA_OCI_MANIFEST, sp_span_str(text));
}

enum sp_code drive_put(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                       bool *subject_handled)
{
  struct sp_err err = SP_ERR_INIT;
  return sp_store_put_manifest(store, manifest, subject_handled, &err) == 0 ? SP_OK : err.code;
}

void drive_put_image(struct sp_store *store, unsigned seed, struct sp_manifest_bytes *out)
{
  char config[64];
  bool handled;
  snprintf(config, sizeof config, "{\"seed\":%u}", seed);
  struct sp_digest digest = drive_put_blob(store, config, strlen(config));
  drive_image(out, &digest, strlen(config), seed);
  assert_int_equal(drive_put(store, out, &handled), SP_OK);
}
