/* SPDX-License-Identifier: Apache-2.0 */
/* Power loss (fault row 03). One publication is written down, call by call; then, for every moment
 * of it, every directory is built that a disk could hold after the power went: what was synced is
 * there, and of what was not, any one or two steps, or all of them, are missing. The model is
 * harsher than real file systems: names and bytes reach the disk in any order, a rename's two
 * halves apart, and bytes that did not are missing or zero. */
#include "aftermath.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

#define FILES_MAX 256
#define VOLATILE_MAX 256

/* -- a disk in memory */

struct file {
  unsigned long inode;
  char *bytes;
  size_t len;
};
struct name {
  char path[256];
  unsigned long inode; /* 0: a directory */
};
struct disk {
  struct file files[FILES_MAX];
  size_t file_count;
  struct name names[FILES_MAX];
  size_t name_count;
};

static void disk_clear(struct disk *disk)
{
  for (size_t i = 0; i < disk->file_count; i++)
    free(disk->files[i].bytes);
  disk->file_count = 0;
  disk->name_count = 0;
}

static struct file *file_of(struct disk *disk, unsigned long inode)
{
  for (size_t i = 0; i < disk->file_count; i++) {
    if (disk->files[i].inode == inode)
      return &disk->files[i];
  }
  assert_true(disk->file_count < FILES_MAX);
  disk->files[disk->file_count] = (struct file){.inode = inode};
  return &disk->files[disk->file_count++];
}

static void append(struct file *file, const char *bytes, size_t len)
{
  file->bytes = realloc(file->bytes, file->len + len + 1);
  assert_non_null(file->bytes);
  if (bytes)
    memcpy(file->bytes + file->len, bytes, len);
  else
    memset(file->bytes + file->len, 0, len);
  file->len += len;
}

static void drop_name(struct disk *disk, const char *path)
{
  for (size_t i = 0; i < disk->name_count; i++) {
    if (strcmp(disk->names[i].path, path) == 0) {
      memmove(&disk->names[i], &disk->names[i + 1],
              (disk->name_count - i - 1) * sizeof disk->names[0]);
      disk->name_count--;
      return;
    }
  }
}

static void add_name(struct disk *disk, const char *path, unsigned long inode)
{
  drop_name(disk, path);
  assert_true(disk->name_count < FILES_MAX);
  struct name *name = &disk->names[disk->name_count++];
  name->inode = inode;
  snprintf(name->path, sizeof name->path, "%s", path);
}

static void disk_copy(struct disk *to, const struct disk *from)
{
  disk_clear(to);
  for (size_t i = 0; i < from->file_count; i++)
    append(file_of(to, from->files[i].inode), from->files[i].bytes ? from->files[i].bytes : "",
           from->files[i].len);
  for (size_t i = 0; i < from->name_count; i++)
    add_name(to, from->names[i].path, from->names[i].inode);
}

/* -- between the disk in memory and directories */

static struct disk *scan_disk;
static size_t scan_root_len;

static int scan_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  (void)where;
  if (strlen(path) == scan_root_len)
    return 0;
  const char *relative = path + scan_root_len + 1;
  add_name(scan_disk, relative, kind == FTW_D ? 0 : facts->st_ino);
  if (kind == FTW_D)
    return 0;
  size_t len;
  SP_AUTO_FREE char *bytes = fx_read_file(path, &len);
  struct file *file = file_of(scan_disk, facts->st_ino);
  if (file->len == 0)
    append(file, bytes, len);
  return 0;
}

static void disk_scan(struct disk *disk, const char *root)
{
  disk_clear(disk);
  scan_disk = disk;
  scan_root_len = strlen(root);
  assert_int_equal(nftw(root, scan_one, 16, FTW_PHYS), 0);
}

/* The first name of the same file, among those before i that were made. */
static const char *made_before(const struct disk *disk, size_t i, const char *root)
{
  static char path[FX_PATH_MAX];
  for (size_t k = 0; k < i; k++) {
    fx_join(path, root, disk->names[k].path);
    if (disk->names[k].inode == disk->names[i].inode && fx_exists(path))
      return path;
  }
  return NULL;
}

static void make_file(const struct disk *disk, size_t i, const char *root)
{
  char path[FX_PATH_MAX];
  fx_join(path, root, disk->names[i].path);
  const char *twin = made_before(disk, i, root);
  if (twin) {
    (void)!link(twin, path); /* its directory may be missing: then so is the name */
    return;
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0)
    return;
  for (size_t k = 0; k < disk->file_count; k++) {
    const struct file *file = &disk->files[k];
    if (file->inode == disk->names[i].inode && file->len > 0)
      assert_int_equal(write(fd, file->bytes, file->len), file->len);
  }
  close(fd);
}

static void disk_build(const struct disk *disk, const char *root)
{
  fx_remove_tree(root);
  assert_int_equal(mkdir(root, 0700), 0);
  for (size_t i = 0; i < disk->name_count; i++) { /* parents stand before what is in them */
    char path[FX_PATH_MAX];
    fx_join(path, root, disk->names[i].path);
    if (disk->names[i].inode == 0)
      (void)mkdir(path, 0700);
  }
  for (size_t i = 0; i < disk->name_count; i++) {
    if (disk->names[i].inode != 0)
      make_file(disk, i, root);
  }
}

/* -- what a power loss leaves */

static struct fx_place live;  /* where it was written down */
static struct fx_place crash; /* where its states are built */
static char live_dir[FX_PATH_MAX];
static char crash_dir[FX_PATH_MAX];
static struct disk before;
static struct disk after;
static const struct shim_event *events;
static size_t event_count;
static bool had_old;
static size_t states;

static bool is_step(const struct shim_event *event)
{
  return event->kind != SHIM_SYNC && event->kind != SHIM_SYNC_DIR;
}

/* Is step i on the disk for certain at moment `end`? */
static bool is_synced(size_t i, size_t end)
{
  const struct shim_event *step = &events[i];
  char parent[256];
  const char *slash = strrchr(step->path, '/');
  snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - step->path) : 0, step->path);
  for (size_t k = i + 1; k < end; k++) {
    if (step->kind == SHIM_DATA
            ? events[k].kind == SHIM_SYNC && events[k].inode == step->inode
            : events[k].kind == SHIM_SYNC_DIR && strcmp(events[k].path, parent) == 0)
      return true;
  }
  return false;
}

static void apply(const struct shim_event *step, bool lost, bool zeros)
{
  if (step->kind == SHIM_NEW)
    file_of(&after, step->inode)->len = 0; /* the number may have been another file's */
  if (step->kind == SHIM_DATA && (!lost || zeros))
    append(file_of(&after, step->inode), lost ? NULL : step->bytes, step->len);
  if (lost || step->kind == SHIM_DATA)
    return;
  if (step->kind == SHIM_DROP)
    drop_name(&after, step->path);
  else
    add_name(&after, step->path, step->kind == SHIM_DIR ? 0 : step->inode);
}

/* -- states that were seen: many losses come to the same */

#define SEEN_MAX 65536
static uint64_t seen[SEEN_MAX];

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u; /* FNV-1a */
  return hash;
}

/* Which name stands for which bytes; the order does not matter. Hard links look like copies, which
 * they are to whoever reads. */
static uint64_t fingerprint(void)
{
  uint64_t sum = 1;
  for (size_t i = 0; i < after.name_count; i++) {
    const struct name *name = &after.names[i];
    uint64_t hash = mix(14695981039346656037u, name->path, strlen(name->path) + 1);
    if (name->inode != 0) {
      const struct file *file = file_of(&after, name->inode);
      hash = mix(hash, "f", 1);
      hash = mix(hash, file->bytes, file->len);
    }
    sum += hash;
  }
  return sum;
}

static bool is_seen_before(bool told_done)
{
  uint64_t key = fingerprint() * 2 + told_done;
  size_t at = key % SEEN_MAX;
  while (seen[at] != 0 && seen[at] != key)
    at = (at + 1) % SEEN_MAX;
  bool known = seen[at] == key;
  seen[at] = key;
  return known;
}

/* The state at `end` without the steps marked in `lost`. */
static void check_state(size_t end, const bool *lost, bool zeros)
{
  disk_copy(&after, &before);
  for (size_t i = 0; i < end; i++) {
    if (is_step(&events[i]))
      apply(&events[i], lost[i], zeros);
  }
  bool told_done = end == event_count;
  if (is_seen_before(told_done))
    return;
  disk_build(&after, crash_dir);
  states++;
  if (had_old)
    aftermath_check(&crash, told_done);
  assert_null(fx_wrong_blob(crash_dir));
  if (told_done)
    fx_must_be(&crash, "latest", "new");
  aftermath_check_next_run(&crash, had_old);
}

static void check_both_ways(size_t end, const bool *lost)
{
  check_state(end, lost, false);
  check_state(end, lost, true);
}

/* All ways to lose none, one, two or all of the steps that were not synced at `end`. */
static void check_moment(size_t end)
{
  size_t unsynced[VOLATILE_MAX];
  size_t n = 0;
  bool *lost = calloc(event_count + 1, sizeof *lost);
  for (size_t i = 0; i < end; i++) {
    if (is_step(&events[i]) && !is_synced(i, end))
      unsynced[n++] = i;
  }
  check_state(end, lost, false);
  for (size_t a = 0; a < n; a++) {
    lost[unsynced[a]] = true;
    check_both_ways(end, lost);
    for (size_t b = a + 1; b < n; b++) {
      lost[unsynced[b]] = true;
      check_state(end, lost, (a + b) % 2 == 0);
      lost[unsynced[b]] = false;
    }
    lost[unsynced[a]] = false;
  }
  for (size_t a = 0; a < n; a++)
    lost[unsynced[a]] = true;
  check_both_ways(end, lost);
  free(lost);
}

static void replay(const char *repository, bool with_old)
{
  struct sp_err err = SP_ERR_INIT;
  fx_make_dir(live_dir);
  fx_make_dir(crash_dir);
  live = (struct fx_place){.dir = live_dir, .repository = repository};
  crash = (struct fx_place){.dir = crash_dir, .repository = repository};
  had_old = with_old;
  states = 0;
  memset(seen, 0, sizeof seen);
  if (with_old)
    fx_must(fx_publish(&live, "old", &err), &err);
  disk_scan(&before, live_dir);
  shim_record_begin(live_dir);
  fx_must(fx_publish(&live, "new", &err), &err);
  events = shim_record_end(&event_count);
  assert_true(event_count > 30); /* or the shim sees nothing */
  for (size_t end = 0; end <= event_count; end++)
    check_moment(end);
  print_message("# %zu steps, %zu states\n", event_count, states);
  disk_clear(&before);
  disk_clear(&after);
  fx_remove_tree(live_dir);
  fx_remove_tree(crash_dir);
}

static void test_power_lost_in_a_layout(void **state)
{
  (void)state;
  replay(NULL, true);
}

static void test_power_lost_in_a_new_layout(void **state)
{
  (void)state;
  replay(NULL, false);
}

static void test_power_lost_in_a_vault(void **state)
{
  (void)state;
  replay("o/app", true);
}

static void test_power_lost_in_a_new_vault(void **state)
{
  (void)state;
  replay("o/app", false);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_power_lost_in_a_layout),
      cmocka_unit_test(test_power_lost_in_a_new_layout),
      cmocka_unit_test(test_power_lost_in_a_vault),
      cmocka_unit_test(test_power_lost_in_a_new_vault),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
