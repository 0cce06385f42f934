/* SPDX-License-Identifier: Apache-2.0 */
/* "sha256:CHECKSUM MEDIA-TYPE\n" and the manifest; the checksum is over "NAME MEDIA-TYPE\n" and the
 * manifest. */
#include "engine/image_record.h"

#include "base/file.h"
#include "base/log.h"
#include "base/state_dir.h"
#include "base/text.h"

#define DIR_NAME "images"
#define NAME_BYTES 256
#define HEAD_BYTES (SP_DIGEST_TEXT_MAX + 1 + SP_MAX_MEDIA_TYPE + 1)

static void make_name(const struct sp_digest *image_id, const char *compressor_id,
                      char out[NAME_BYTES])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(image_id, hex);
  snprintf(out, NAME_BYTES, "%s.%s", hex, compressor_id);
}

static int checksum(const char *name, const char *media_type, struct sp_span manifest,
                    struct sp_digest *out, struct sp_err *err)
{
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  if (sp_hasher_new(SP_DIGEST_SHA256, &hasher, err) < 0)
    return -1;
  sp_hasher_update(hasher, name, strlen(name));
  sp_hasher_update(hasher, " ", 1);
  sp_hasher_update(hasher, media_type, strlen(media_type));
  sp_hasher_update(hasher, "\n", 1);
  sp_hasher_update(hasher, manifest.ptr, manifest.len);
  sp_hasher_finish(hasher, out);
  return 0;
}

/* -- reading */

/* Cuts the head off; what follows it is the manifest. */
static int parse_head(struct sp_span *text, struct sp_digest *sum, char media_type[],
                      struct sp_err *err)
{
  const char *newline = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
  size_t len = newline ? (size_t)(newline - text->ptr) : 0;
  const char *blank = len ? memchr(text->ptr, ' ', len) : NULL;
  if (!blank)
    return sp_fail(err, SP_E_INVALID, "not a record");
  size_t n = (size_t)(blank - text->ptr);
  if (sp_digest_parse(SP_SPAN(text->ptr, n), sum, err) < 0 ||
      sp_text_copy(media_type, SP_MAX_MEDIA_TYPE + 1, SP_SPAN(blank + 1, len - n - 1), err) < 0)
    return -1;
  *text = sp_span_skip(*text, len + 1);
  return 0;
}

static int parse(const char *name, struct sp_span text, struct sp_manifest_bytes *out,
                 struct sp_err *err)
{
  struct sp_digest said;
  struct sp_digest sum;
  if (parse_head(&text, &said, out->media_type, err) < 0 ||
      checksum(name, out->media_type, text, &sum, err) < 0)
    return -1;
  if (!sp_digest_eq(&said, &sum))
    return sp_fail(err, SP_E_DIGEST, "damaged");
  if (sp_digest_of(SP_DIGEST_SHA256, text.ptr, text.len, &out->digest, err) < 0)
    return -1;
  return sp_buf_append_span(&out->bytes, text, err);
}

bool sp_image_record_get(const struct sp_digest *image_id, const char *compressor_id,
                         struct sp_manifest_bytes *out)
{
  SP_AUTO_CLOSE int fd = -1;
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err err = SP_ERR_INIT;
  char name[NAME_BYTES];
  make_name(image_id, compressor_id, name);
  sp_buf_init(&text, HEAD_BYTES + SP_MAX_MANIFEST_BYTES);
  if (sp_state_dir_open_below(DIR_NAME, &fd, &err) == 0 &&
      sp_file_read(fd, name, &text, &err) == 0 && parse(name, sp_buf_span(&text), out, &err) == 0)
    return true;
  sp_manifest_bytes_clear(out);
  sp_log(SP_LOG_DEBUG, "engine: nothing is remembered of the image: %s", err.msg);
  return false;
}

/* -- writing */

static int format(const char *name, const struct sp_manifest_bytes *manifest, struct sp_buf *out,
                  struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  struct sp_digest sum;
  struct sp_span bytes = sp_buf_span(&manifest->bytes);
  if (checksum(name, manifest->media_type, bytes, &sum, err) < 0)
    return -1;
  sp_digest_format(&sum, text);
  if (sp_buf_appendf(out, err, "%s %s\n", text, manifest->media_type) < 0)
    return -1;
  return sp_buf_append_span(out, bytes, err);
}

void sp_image_record_put(const struct sp_digest *image_id, const char *compressor_id,
                         const struct sp_manifest_bytes *manifest)
{
  SP_AUTO_CLOSE int fd = -1;
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err err = SP_ERR_INIT;
  char name[NAME_BYTES];
  make_name(image_id, compressor_id, name);
  sp_buf_init(&text, HEAD_BYTES + SP_MAX_MANIFEST_BYTES);
  if (format(name, manifest, &text, &err) < 0 || sp_state_dir_open_below(DIR_NAME, &fd, &err) < 0 ||
      sp_file_replace(fd, name, 0600, sp_buf_span(&text), &err) < 0)
    sp_log(SP_LOG_WARN, "an image of the engine is not remembered for the next push: %s", err.msg);
  else
    sp_file_keep_newest(fd, SP_MAX_IMAGE_RECORDS);
}

void sp_image_record_drop(const struct sp_digest *image_id, const char *compressor_id)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_err ignored = SP_ERR_INIT;
  char name[NAME_BYTES];
  make_name(image_id, compressor_id, name);
  if (sp_state_dir_open_below(DIR_NAME, &fd, &ignored) == 0)
    (void)unlinkat(fd, name, 0);
}
