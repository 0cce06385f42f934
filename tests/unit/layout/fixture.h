/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this layer share: scratch directories, small images put through the store's own
 * door, and the invariant that must hold in every directory that a layout or vault ever was in.
 *
 * Functions that "must" succeed end the test with the error's message if they do not.
 */
#ifndef SP_TESTS_LAYOUT_FIXTURE_H
#define SP_TESTS_LAYOUT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

#include "layout/layout.h"
#include "layout/vault.h"

#define FX_PATH_MAX 512

#define fx_must(call, err) \
  do { \
    if ((call) < 0) \
      fail_msg("%s: %s", #call, (err)->msg); \
  } while (0)
/* The call fails, with this code. */
#define fx_must_fail(call, err, want) \
  do { \
    sp_err_clear(err); \
    assert_int_equal((call), -1); \
    if ((err)->code != (want)) \
      fail_msg("%s: %s, not %s: %s", #call, sp_code_name((err)->code), sp_code_name(want), \
               (err)->msg); \
  } while (0)

/* A new directory on a fast file system, its path without links; fx_remove_tree removes any. */
void fx_make_dir(char out[FX_PATH_MAX]);
void fx_remove_tree(const char *path);
/* "dir/name". */
void fx_join(char out[FX_PATH_MAX], const char *dir, const char *name);
/* A file whole; what is read is the caller's, zero-terminated, len may be NULL. */
void fx_write_file(const char *path, const void *bytes, size_t len);
char *fx_read_file(const char *path, size_t *len);
bool fx_exists(const char *path);

/* How a place is opened: a layout at dir, or repository `repository` of the vault at dir. */
struct fx_place {
  const char *dir;
  const char *repository; /* NULL: a layout */
};
int fx_try_open(const struct fx_place *place, enum sp_layout_mode mode, struct sp_store **out,
                struct sp_err *err);
struct sp_store *fx_open(const struct fx_place *place, enum sp_layout_mode mode);
/* Path of the layout directory itself ("<root>/repos/<repository>/_" of a vault). */
void fx_layout_path(const struct fx_place *place, char out[FX_PATH_MAX]);
void fx_blob_path(const struct fx_place *place, const struct sp_digest *digest,
                  char out[FX_PATH_MAX]);
void fx_pool_path(const struct fx_place *place, const struct sp_digest *digest,
                  char out[FX_PATH_MAX]);

/* A blob, written as a relay does it. */
int fx_put_blob(struct sp_store *store, const void *bytes, size_t len, struct sp_digest *digest,
                struct sp_err *err);
/* Reads a blob whole through its reader, hashing; -1 with err. */
int fx_read_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                 uint64_t offset, struct sp_buf *out, struct sp_err *err);

/* An image made of a word: config, one layer, manifest. With `subject` it refers to that. */
struct fx_image {
  char config[128];
  char layer[128];
  struct sp_digest config_digest;
  struct sp_digest layer_digest;
  struct sp_manifest_bytes manifest;
};
void fx_image_make(struct fx_image *image, const char *word,
                   const struct sp_manifest_bytes *subject);
void fx_image_clear(struct fx_image *image);
/* Puts its blobs and its manifest. */
int fx_image_put(struct sp_store *store, struct fx_image *image, struct sp_err *err);
int fx_tag(struct sp_store *store, const struct fx_image *image, const char *tag,
           struct sp_err *err);
/* Everything at once: open to write, image `word` with a referrer, tags `word` and "latest". */
int fx_publish(const struct fx_place *place, const char *word, struct sp_err *err);
/* The digest of image `word`. */
struct sp_digest fx_image_digest(const char *word);
/* Checks by reading every byte that `tag` names image `word`. */
void fx_must_be(const struct fx_place *place, const char *tag, const char *word);

/* I6: every file under a final name below `dir` (blobs/ and pool/, at any depth) has the content
 * that its name says; NULL, or what is wrong (static text). */
const char *fx_wrong_blob(const char *dir);
/* Temporary files of ours below dir. */
size_t fx_count_temps(const char *dir);

#endif
