/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "oci/media_type.h"

/* -- directories */

void fx_make_dir(char out[FX_PATH_MAX])
{
  const char *base = getenv("TMPDIR");
  if (!base)
    base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  char path[PATH_MAX];
  char real[PATH_MAX];
  snprintf(path, sizeof path, "%s/safeport-layout-XXXXXX", base);
  if (!mkdtemp(path) || !realpath(path, real))
    fail_msg("mkdtemp %s: %s", path, strerror(errno));
  assert_in_range(snprintf(out, FX_PATH_MAX, "%s", real), 1, FX_PATH_MAX / 2);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  (void)facts;
  (void)kind;
  (void)where;
  return remove(path);
}

void fx_remove_tree(const char *path)
{
  nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fx_join(char out[FX_PATH_MAX], const char *dir, const char *name)
{
  int n = snprintf(out, FX_PATH_MAX, "%s/%s", dir, name);
  assert_in_range(n, 1, FX_PATH_MAX - 1);
}

void fx_write_file(const char *path, const void *bytes, size_t len)
{
  FILE *file = fopen(path, "w");
  if (!file || (len > 0 && fwrite(bytes, 1, len, file) != len) || fclose(file) != 0)
    fail_msg("cannot write %s: %s", path, strerror(errno));
}

char *fx_read_file(const char *path, size_t *len)
{
  int fd = open(path, O_RDONLY);
  struct stat facts;
  if (fd < 0 || fstat(fd, &facts) < 0)
    fail_msg("cannot read %s: %s", path, strerror(errno));
  char *bytes = malloc((size_t)facts.st_size + 1);
  ssize_t n = bytes ? read(fd, bytes, (size_t)facts.st_size) : -1;
  close(fd);
  if (n < 0)
    fail_msg("cannot read %s: %s", path, strerror(errno));
  bytes[n] = '\0';
  if (len)
    *len = (size_t)n;
  return bytes;
}

bool fx_exists(const char *path)
{
  struct stat facts;
  return lstat(path, &facts) == 0;
}

/* -- places */

int fx_try_open(const struct fx_place *place, enum sp_layout_mode mode, struct sp_store **out,
                struct sp_err *err)
{
  if (place->repository)
    return sp_vault_open(place->dir, place->repository, mode, NULL, out, err);
  return sp_layout_open(place->dir, "oci:test", mode, NULL, out, err);
}

struct sp_store *fx_open(const struct fx_place *place, enum sp_layout_mode mode)
{
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  fx_must(fx_try_open(place, mode, &store, &err), &err);
  return store;
}

void fx_layout_path(const struct fx_place *place, char out[FX_PATH_MAX])
{
  if (place->repository)
    snprintf(out, FX_PATH_MAX, "%s/repos/%s/_", place->dir, place->repository);
  else
    snprintf(out, FX_PATH_MAX, "%s", place->dir);
}

void fx_blob_path(const struct fx_place *place, const struct sp_digest *digest,
                  char out[FX_PATH_MAX])
{
  char hex[SP_DIGEST_HEX_MAX];
  fx_layout_path(place, out);
  sp_digest_format_hex(digest, hex);
  size_t len = strlen(out);
  snprintf(out + len, FX_PATH_MAX - len, "/blobs/%s/%s", sp_digest_alg_name(digest->alg), hex);
}

void fx_pool_path(const struct fx_place *place, const struct sp_digest *digest,
                  char out[FX_PATH_MAX])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(digest, hex);
  snprintf(out, FX_PATH_MAX, "%s/pool/%s/%.2s/%s", place->dir, sp_digest_alg_name(digest->alg), hex,
           hex);
}

/* -- blobs */

/* Feeds the ring and pumps the writer by turns. */
static int run_writer(struct sp_writer *writer, struct sp_ring *ring, const char *bytes, size_t len,
                      struct sp_err *err)
{
  if (writer->ops->start(writer, ring, 0, err) < 0)
    return -1;
  for (size_t done = 0; done < len;) {
    size_t n = sp_ring_capacity(ring);
    if (n > len - done)
      n = len - done;
    if (sp_ring_write(ring, bytes + done, n))
      done += n;
    if (done == len)
      sp_ring_approve(ring);
    if (writer->ops->pump(writer, err) < 0)
      return -1;
  }
  sp_ring_close_input(ring, NULL);
  return writer->ops->finish(writer, err);
}

int fx_put_blob(struct sp_store *store, const void *bytes, size_t len, struct sp_digest *digest,
                struct sp_err *err)
{
  SP_AUTO_RING struct sp_ring *ring = NULL;
  struct sp_writer *writer = NULL;
  if (sp_digest_of(SP_DIGEST_SHA256, bytes, len, digest, err) < 0 ||
      sp_ring_new(len, 65536, 1, &ring, err) < 0 ||
      sp_store_begin_write(store, digest, len, &writer, err) < 0)
    return -1;
  int result = run_writer(writer, ring, bytes, len, err);
  writer->ops->close(writer);
  return result;
}

static int drain(struct sp_reader *reader, struct sp_ring *ring, struct sp_buf *out,
                 struct sp_err *err)
{
  bool end = false;
  bool aborted = false;
  while (!end) {
    const char *bytes;
    if (sp_ring_input_state(ring, NULL) == SP_RING_OPEN && reader->ops->pump(reader, ring, err) < 0)
      return -1;
    size_t n = sp_ring_peek(ring, 0, &bytes, &end, &aborted);
    if (sp_buf_append(out, bytes, n, err) < 0)
      return -1;
    sp_ring_consume(ring, 0, n);
    if (sp_ring_input_state(ring, err) == SP_RING_FAILED)
      return -1;
  }
  return 0;
}

int fx_read_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                 uint64_t offset, struct sp_buf *out, struct sp_err *err)
{
  SP_AUTO_RING struct sp_ring *ring = NULL;
  struct sp_reader *reader = NULL;
  if (sp_ring_new(size_bytes - offset, 65536, 1, &ring, err) < 0 ||
      sp_store_open_read(store, digest, size_bytes, offset, &reader, err) < 0)
    return -1;
  sp_ring_set_exempt(ring, 0); /* the tests compare the bytes themselves */
  int result = drain(reader, ring, out, err);
  reader->ops->close(reader);
  return result;
}

/* -- images */

static void make_manifest(struct fx_image *image, const char *word,
                          const struct sp_manifest_bytes *subject)
{
  struct sp_err err = SP_ERR_INIT;
  char config[SP_DIGEST_TEXT_MAX];
  char layer[SP_DIGEST_TEXT_MAX];
  struct sp_buf *out = &image->manifest.bytes;
  sp_digest_format(&image->config_digest, config);
  sp_digest_format(&image->layer_digest, layer);
  fx_must(sp_buf_appendf(out, &err,
                         "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
                         "\"application/vnd.test.config+json\",\"digest\":\"%s\",\"size\":%zu},"
                         "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
                         "\"digest\":\"%s\",\"size\":%zu}]",
                         SP_MEDIA_OCI_MANIFEST, config, strlen(image->config), layer,
                         strlen(image->layer)),
          &err);
  if (subject) {
    char text[SP_DIGEST_TEXT_MAX];
    sp_digest_format(&subject->digest, text);
    fx_must(sp_buf_appendf(out, &err,
                           ",\"subject\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}",
                           SP_MEDIA_OCI_MANIFEST, text, subject->bytes.len),
            &err);
  }
  fx_must(sp_buf_appendf(out, &err, ",\"annotations\":{\"word\":\"%s\"}}", word), &err);
}

void fx_image_make(struct fx_image *image, const char *word,
                   const struct sp_manifest_bytes *subject)
{
  struct sp_err err = SP_ERR_INIT;
  memset(image, 0, sizeof *image);
  sp_manifest_bytes_init(&image->manifest);
  snprintf(image->config, sizeof image->config, "{\"config of\":\"%s\"}", word);
  snprintf(image->layer, sizeof image->layer, "layer of %s", word);
  fx_must(sp_digest_of(SP_DIGEST_SHA256, image->config, strlen(image->config),
                       &image->config_digest, &err),
          &err);
  fx_must(sp_digest_of(SP_DIGEST_SHA256, image->layer, strlen(image->layer), &image->layer_digest,
                       &err),
          &err);
  make_manifest(image, word, subject);
  snprintf(image->manifest.media_type, sizeof image->manifest.media_type, "%s",
           SP_MEDIA_OCI_MANIFEST);
  fx_must(sp_digest_of(SP_DIGEST_SHA256, image->manifest.bytes.data, image->manifest.bytes.len,
                       &image->manifest.digest, &err),
          &err);
}

void fx_image_clear(struct fx_image *image)
{
  sp_manifest_bytes_clear(&image->manifest);
}

int fx_image_put(struct sp_store *store, struct fx_image *image, struct sp_err *err)
{
  bool handled = false;
  if (fx_put_blob(store, image->config, strlen(image->config), &image->config_digest, err) < 0 ||
      fx_put_blob(store, image->layer, strlen(image->layer), &image->layer_digest, err) < 0 ||
      sp_store_put_manifest(store, &image->manifest, &handled, err) < 0)
    return -1;
  assert_true(handled);
  return 0;
}

int fx_tag(struct sp_store *store, const struct fx_image *image, const char *tag,
           struct sp_err *err)
{
  size_t done;
  return sp_store_set_tags(store, &tag, 1, &image->manifest, &done, err);
}

SP_DEFINE_AUTO_CLEAR(struct fx_image, fx_image_clear)

static int publish_to(struct sp_store *store, const char *word, struct sp_err *err)
{
  char signature_word[64];
  SP_CLEANUP(fx_image_clear_auto_) struct fx_image image;
  SP_CLEANUP(fx_image_clear_auto_) struct fx_image signature;
  snprintf(signature_word, sizeof signature_word, "signature of %s", word);
  fx_image_make(&image, word, NULL);
  fx_image_make(&signature, signature_word, &image.manifest);
  const char *tags[] = {word, "latest"};
  size_t done = 0;
  if (fx_image_put(store, &image, err) < 0 || fx_image_put(store, &signature, err) < 0)
    return -1;
  int result = sp_store_set_tags(store, tags, 2, &image.manifest, &done, err);
  assert_int_equal(done, result == 0 ? 2 : 0);
  return result;
}

int fx_publish(const struct fx_place *place, const char *word, struct sp_err *err)
{
  SP_AUTO_STORE struct sp_store *store = NULL;
  if (fx_try_open(place, SP_LAYOUT_WRITE, &store, err) < 0)
    return -1;
  return publish_to(store, word, err);
}

struct sp_digest fx_image_digest(const char *word)
{
  SP_CLEANUP(fx_image_clear_auto_) struct fx_image image;
  fx_image_make(&image, word, NULL);
  return image.manifest.digest;
}

static void must_have_blob(struct sp_store *store, const struct sp_digest *digest, const char *want)
{
  SP_AUTO_BUF struct sp_buf bytes;
  struct sp_err err = SP_ERR_INIT;
  sp_buf_init(&bytes, SP_MIB);
  fx_must(fx_read_blob(store, digest, strlen(want), 0, &bytes, &err), &err);
  assert_string_equal(sp_buf_str(&bytes), want);
}

void fx_must_be(const struct fx_place *place, const char *tag, const char *word)
{
  SP_AUTO_STORE struct sp_store *store = fx_open(place, SP_LAYOUT_READ);
  SP_CLEANUP(fx_image_clear_auto_) struct fx_image image;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes have;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  sp_manifest_bytes_init(&have);
  fx_image_make(&image, word, NULL);
  fx_must(sp_store_resolve(store, tag, &named, &err), &err);
  assert_true(sp_digest_eq(&named.digest, &image.manifest.digest));
  fx_must(sp_store_get_manifest(store, &named.digest, &have, &err), &err);
  assert_string_equal(have.media_type, SP_MEDIA_OCI_MANIFEST);
  must_have_blob(store, &image.config_digest, image.config);
  must_have_blob(store, &image.layer_digest, image.layer);
}

/* -- invariants */

static const char *wrong;
static size_t temps;

static int look_at(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  const char *name = path + where->base;
  (void)facts;
  if (strncmp(name, SP_FILE_TEMP_PREFIX, strlen(SP_FILE_TEMP_PREFIX)) == 0) {
    temps++;
    return 0;
  }
  if (kind != FTW_F || (!strstr(path, "/blobs/") && !strstr(path, "/pool/")))
    return 0;
  char digest[SP_DIGEST_HEX_MAX];
  struct sp_digest have;
  struct sp_err err = SP_ERR_INIT;
  size_t len;
  SP_AUTO_FREE char *bytes = fx_read_file(path, &len);
  fx_must(sp_digest_of(SP_DIGEST_SHA256, bytes, len, &have, &err), &err);
  sp_digest_format_hex(&have, digest);
  if (strcmp(digest, name) != 0)
    wrong = "a file does not have the content that its name says";
  return 0;
}

const char *fx_wrong_blob(const char *dir)
{
  wrong = NULL;
  nftw(dir, look_at, 16, FTW_PHYS);
  return wrong;
}

size_t fx_count_temps(const char *dir)
{
  temps = 0;
  nftw(dir, look_at, 16, FTW_PHYS);
  return temps;
}
