/* SPDX-License-Identifier: Apache-2.0 */
#include "store/any.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "store/relay.h"

struct tag {
  char *name;
  struct sp_digest digest;
};

/* A blob that was opened from its beginning: a second time means trouble. */
struct opened {
  struct sp_digest digest;
  size_t copy; /* which gave it out last */
  struct opened *next;
};
#define OPENED_LISTS 4096 /* a repository with all its tags has some ten thousand blobs */

struct any {
  struct sp_store base; /* first */
  struct sp_any_settings settings;
  char *name;
  struct sp_store *copies[SP_MAX_DESTINATIONS];
  size_t copy_count;
  struct tag *tags;
  size_t tag_count;
  pthread_mutex_t lock; /* guards opened */
  struct opened *opened[OPENED_LISTS];
};

static struct any *any_of(struct sp_store *store)
{
  return (struct any *)store;
}

/* Room for one more item: capacities are powers of two. */
static int grow(void **items, size_t count, size_t item_bytes, struct sp_err *err)
{
  if (count & (count - 1))
    return 0;
  void *more = reallocarray(*items, count ? count * 2 : 1, item_bytes);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  *items = more;
  return 0;
}

/* -- asking one copy after the other */

/* Asks one copy. */
typedef int ask_copy(struct sp_store *copy, void *args, struct sp_err *err);

static void pass_over(const struct any *any, size_t copy, const struct sp_digest *digest,
                      const struct sp_err *why)
{
  if (digest && any->settings.passed_over)
    any->settings.passed_over(any->settings.ctx, copy, digest, why);
}

/* Copy `i` failed with *why: keeps in *first what is to be said if all do (that pulls are short, if
 * it was that anywhere), and passes the copy over. False: the others are not to be asked. */
static bool goes_on(const struct any *any, size_t i, const struct sp_digest *digest,
                    const struct sp_err *why, struct sp_err *first)
{
  if (first->code == SP_OK || (why->code == SP_E_THROTTLED && first->code != SP_E_THROTTLED))
    sp_err_copy(first, why);
  if (why->code == SP_E_INTERRUPTED || why->code == SP_E_NOMEM)
    return false;
  pass_over(any, i, digest, why);
  return true;
}

/* The first copy's failure is told if all fail: it was thought to be the best. But what one of them
 * may still give later is not missing. */
static int ask_each(struct any *any, const struct sp_digest *digest, ask_copy *ask, void *args,
                    struct sp_err *err)
{
  struct sp_err first = SP_ERR_INIT;
  for (size_t i = 0; i < any->copy_count; i++) {
    struct sp_err why = SP_ERR_INIT;
    if (ask(any->copies[i], args, &why) == 0)
      return 0;
    if (!goes_on(any, i, digest, &why, &first))
      break;
  }
  sp_err_copy(err, &first);
  return -1;
}

/* -- tags */

static int compare_name(const void *name, const void *tag)
{
  return strcmp(name, ((const struct tag *)tag)->name);
}

static const struct tag *find_tag(const struct any *any, const char *name)
{
  if (any->tag_count == 0)
    return NULL;
  return bsearch(name, any->tags, any->tag_count, sizeof *any->tags, compare_name);
}

struct named_args {
  const char *tag;
  const struct sp_digest *digest;
  struct sp_named *out;
};

static int ask_resolve(struct sp_store *copy, void *args, struct sp_err *err)
{
  const struct named_args *a = args;
  return sp_store_resolve(copy, a->tag, a->out, err);
}

static int resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                   struct sp_err *err)
{
  struct any *any = any_of(store);
  const struct tag *known = find_tag(any, tag);
  if (!known)
    return sp_fail(err, SP_E_NOT_FOUND, "there is no such tag");
  if (known->digest.alg != SP_DIGEST_NONE) {
    *out = (struct sp_named){.digest = known->digest, .size_bytes = SP_SIZE_UNKNOWN};
    return 0;
  }
  struct named_args args = {.tag = tag, .out = out};
  return ask_each(any, NULL, ask_resolve, &args, err);
}

/* All tags are one page. */
static int list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                     struct sp_err *err)
{
  const struct any *any = any_of(store);
  (void)cursor;
  for (size_t i = 0; i < any->tag_count; i++) {
    if (sp_tag_page_add(out, sp_span_str(any->tags[i].name), err) < 0)
      return -1;
  }
  return 0;
}

/* -- manifests */

static int ask_stat(struct sp_store *copy, void *args, struct sp_err *err)
{
  const struct named_args *a = args;
  return sp_store_stat_manifest(copy, a->digest, a->out, err);
}

static int stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                         struct sp_named *out, struct sp_err *err)
{
  struct named_args args = {.digest = digest, .out = out};
  return ask_each(any_of(store), NULL, ask_stat, &args, err);
}

struct get_args {
  const struct sp_digest *digest;
  struct sp_manifest_bytes *out;
};

static int ask_get(struct sp_store *copy, void *args, struct sp_err *err)
{
  const struct get_args *a = args;
  return sp_store_get_manifest(copy, a->digest, a->out, err);
}

static int get_manifest(struct sp_store *store, const struct sp_digest *digest,
                        struct sp_manifest_bytes *out, struct sp_err *err)
{
  struct get_args args = {digest, out};
  return ask_each(any_of(store), digest, ask_get, &args, err);
}

/* A copy may have lost what refers to an image, or never got it: all of them are asked, and what
 * any has is there. */
static int add_missing(struct sp_referrers *list, const struct sp_referrers *more,
                       struct sp_err *err)
{
  for (size_t i = 0; i < more->count; i++) {
    bool has = false;
    for (size_t k = 0; k < list->count && !has; k++)
      has = sp_digest_eq(&list->items[k].digest, &more->items[i].digest);
    if (!has && sp_referrers_add(list, &more->items[i], more->raw[i], err) < 0)
      return -1;
  }
  return 0;
}

static int list_referrers(struct sp_store *store, const struct sp_digest *digest,
                          struct sp_referrers *out, struct sp_err *err)
{
  const struct any *any = any_of(store);
  struct sp_err first = SP_ERR_INIT;
  bool is_answered = false;
  for (size_t i = 0; i < any->copy_count; i++) {
    SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers more = {0};
    struct sp_err why = SP_ERR_INIT;
    if (sp_store_list_referrers(any->copies[i], digest, &more, &why) == 0) {
      is_answered = true;
      if (add_missing(out, &more, err) < 0)
        return -1;
    } else if (first.code == SP_OK)
      sp_err_copy(&first, &why);
  }
  if (is_answered)
    return 0;
  sp_err_copy(err, &first);
  return -1;
}

/* -- blobs */

struct blob_args {
  const struct sp_digest *digest;
  uint64_t size_bytes;
  uint64_t offset;
  enum sp_proof want;
  struct sp_blob_state *state;
  struct sp_reader **reader;
};

static int ask_check(struct sp_store *copy, void *args, struct sp_err *err)
{
  const struct blob_args *a = args;
  if (sp_store_check_blob(copy, a->digest, a->size_bytes, a->want, a->state, err) < 0)
    return -1;
  return a->state->state == SP_BLOB_PRESENT ? 0
                                            : sp_fail(err, SP_E_NOT_FOUND, "it is not there whole");
}

static int check_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                      enum sp_proof want, struct sp_blob_state *out, struct sp_err *err)
{
  struct blob_args args = {.digest = digest, .size_bytes = size_bytes, .want = want, .state = out};
  struct sp_err why = SP_ERR_INIT;
  if (ask_each(any_of(store), NULL, ask_check, &args, &why) == 0 || why.code == SP_E_NOT_FOUND)
    return 0; /* absent or damaged everywhere is an answer */
  sp_err_copy(err, &why);
  return -1;
}

static struct opened **list_of(struct any *any, const struct sp_digest *digest)
{
  return &any->opened[(digest->raw[0] << 8 | digest->raw[1]) % OPENED_LISTS];
}

/* Called with the lock held. */
static struct opened *find_opened(struct any *any, const struct sp_digest *digest)
{
  struct opened *opened = *list_of(any, digest);
  while (opened && !sp_digest_eq(&opened->digest, digest))
    opened = opened->next;
  return opened;
}

/* Which copy gave the blob out last? SP_MAX_DESTINATIONS: none did. */
static size_t last_copy(struct any *any, const struct sp_digest *digest)
{
  SP_LOCK_SCOPE(&any->lock);
  const struct opened *opened = find_opened(any, digest);
  return opened ? opened->copy : SP_MAX_DESTINATIONS;
}

static int note_copy(struct any *any, const struct sp_digest *digest, size_t copy,
                     struct sp_err *err)
{
  SP_LOCK_SCOPE(&any->lock);
  struct opened *opened = find_opened(any, digest);
  if (opened) {
    opened->copy = copy;
    return 0;
  }
  opened = malloc(sizeof *opened);
  if (!opened)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  struct opened **list = list_of(any, digest);
  *opened = (struct opened){.digest = *digest, .copy = copy, .next = *list};
  *list = opened;
  return 0;
}

/* Is every byte of this copy right? */
static int read_whole(const struct any *any, size_t copy, const struct blob_args *args,
                      struct sp_err *err)
{
  struct sp_relay relay = {.source = any->copies[copy],
                           .digest = *args->digest,
                           .size_bytes = args->size_bytes,
                           .retry_for_ms = any->settings.retry_for_ms,
                           .cancel = any->settings.cancel};
  return sp_relay_run(&relay, err);
}

static int open_copy(struct any *any, size_t copy, const struct blob_args *args, bool is_trusted,
                     struct sp_err *err)
{
  if (!is_trusted && read_whole(any, copy, args, err) < 0)
    return -1;
  if (sp_store_open_read(any->copies[copy], args->digest, args->size_bytes, args->offset,
                         args->reader, err) < 0)
    return -1;
  if (note_copy(any, args->digest, copy, err) == 0)
    return 0;
  (*args->reader)->ops->close(*args->reader);
  *args->reader = NULL;
  return -1;
}

static int open_read(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                     uint64_t offset, struct sp_reader **out, struct sp_err *err)
{
  struct any *any = any_of(store);
  struct blob_args args = {
      .digest = digest, .size_bytes = size_bytes, .offset = offset, .reader = out};
  size_t last = last_copy(any, digest);
  bool is_again = last < any->copy_count;
  /* In the middle: the last one broke off, so the next goes on; the reader's hash is over all. */
  bool is_trusted = !is_again || offset > 0;
  size_t begin = is_again && offset > 0 ? last + 1 : 0;
  struct sp_err first = SP_ERR_INIT;
  for (size_t n = 0; n < any->copy_count; n++) {
    size_t i = (begin + n) % any->copy_count;
    struct sp_err why = SP_ERR_INIT;
    if (open_copy(any, i, &args, is_trusted, &why) == 0)
      return 0;
    if (!goes_on(any, i, digest, &why, &first))
      break;
  }
  sp_err_copy(err, &first);
  return -1;
}

/* -- nothing is written here */

static int refuse(struct sp_err *err)
{
  return sp_fail(err, SP_E_UNSUPPORTED, "it was opened for reading only");
}

static int put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                        bool *subject_handled, struct sp_err *err)
{
  (void)store;
  (void)manifest;
  (void)subject_handled;
  return refuse(err);
}

static int set_tags(struct sp_store *store, const char *const *tags, size_t n,
                    const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  (void)store;
  (void)tags;
  (void)n;
  (void)manifest;
  *done = 0;
  return refuse(err);
}

static int begin_write(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                       struct sp_writer **out, struct sp_err *err)
{
  (void)store;
  (void)digest;
  (void)size_bytes;
  (void)out;
  return refuse(err);
}

/* -- the store */

static void close_any(struct sp_store *store)
{
  struct any *any = any_of(store);
  for (size_t i = 0; i < any->copy_count; i++)
    sp_store_close(any->copies[i]);
  for (size_t i = 0; i < any->tag_count; i++)
    free(any->tags[i].name);
  for (size_t i = 0; i < OPENED_LISTS; i++) {
    for (struct opened *opened = any->opened[i], *next; opened; opened = next) {
      next = opened->next;
      free(opened);
    }
  }
  free(any->tags);
  free(any->name);
  pthread_mutex_destroy(&any->lock);
  free(any);
}

static const struct sp_store_ops ops = {
    .resolve = resolve,
    .stat_manifest = stat_manifest,
    .get_manifest = get_manifest,
    .put_manifest = put_manifest,
    .set_tags = set_tags,
    .list_tags = list_tags,
    .list_referrers = list_referrers,
    .check_blob = check_blob,
    .open_read = open_read,
    .begin_write = begin_write,
    .close = close_any,
};

int sp_any_new_take(const struct sp_any_settings *settings, struct sp_store *const *copies,
                    size_t count, struct sp_store **out, struct sp_err *err)
{
  struct any *any = calloc(1, sizeof *any);
  if (!any || sp_text_dup(&any->name, settings->name, err) < 0) {
    free(any);
    for (size_t i = 0; i < count; i++)
      sp_store_close(copies[i]);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  any->settings = *settings;
  any->copy_count = count;
  memcpy(any->copies, copies, count * sizeof *copies);
  pthread_mutex_init(&any->lock, NULL);
  any->base = (struct sp_store){.ops = &ops, .name = any->name};
  for (size_t i = 0; i < count; i++)
    any->base.is_metered = any->base.is_metered || copies[i]->is_metered;
  *out = &any->base;
  return 0;
}

int sp_any_add_tag(struct sp_store *store, const char *tag, const struct sp_digest *digest,
                   struct sp_err *err)
{
  struct any *any = any_of(store);
  if (grow((void **)&any->tags, any->tag_count, sizeof *any->tags, err) < 0)
    return -1;
  struct tag *made = &any->tags[any->tag_count];
  *made = (struct tag){.digest = *digest};
  if (sp_text_dup(&made->name, tag, err) < 0)
    return -1;
  any->tag_count++;
  return 0;
}
