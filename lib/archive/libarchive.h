/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive, loaded when the first tar is read or written.
 *
 * It brings a dozen libraries of its own (XML, ICU, ACLs, compressors that we do not use): 3 MiB of
 * memory and milliseconds of every start, which a push between registries should not pay for. Its
 * functions are called through the table, which is empty until sp_libarchive_load has succeeded.
 *
 * Threads: sp_libarchive_load any; the table is only read afterwards.
 */
#ifndef SP_ARCHIVE_LIBARCHIVE_H
#define SP_ARCHIVE_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "safeport/err.h"

#define SP_LIBARCHIVE_FUNCTIONS(X) \
  X(archive_entry_clear) \
  X(archive_entry_filetype) \
  X(archive_entry_free) \
  X(archive_entry_hardlink) \
  X(archive_entry_new) \
  X(archive_entry_pathname) \
  X(archive_entry_set_filetype) \
  X(archive_entry_set_mtime) \
  X(archive_entry_set_pathname) \
  X(archive_entry_set_perm) \
  X(archive_entry_set_size) \
  X(archive_entry_size) \
  X(archive_entry_size_is_set) \
  X(archive_entry_sparse_count) \
  X(archive_entry_symlink) \
  X(archive_errno) \
  X(archive_error_string) \
  X(archive_filter_bytes) \
  X(archive_read_free) \
  X(archive_read_header_position) \
  X(archive_read_new) \
  X(archive_read_next_header) \
  X(archive_read_open1) \
  X(archive_read_set_callback_data) \
  X(archive_read_set_read_callback) \
  X(archive_read_set_skip_callback) \
  X(archive_read_support_format_tar) \
  X(archive_set_error) \
  X(archive_write_close) \
  X(archive_write_data) \
  X(archive_write_free) \
  X(archive_write_header) \
  X(archive_write_new) \
  X(archive_write_open) \
  X(archive_write_set_bytes_in_last_block) \
  X(archive_write_set_bytes_per_block) \
  X(archive_write_set_format_pax_restricted)

struct sp_libarchive {
#define SP_LIBARCHIVE_SLOT(name) __typeof__(name) *name;
  SP_LIBARCHIVE_FUNCTIONS(SP_LIBARCHIVE_SLOT)
#undef SP_LIBARCHIVE_SLOT
};
extern struct sp_libarchive sp_libarchive;

/* Loads it, once. Fails: SP_E_IO (it is not installed, or too old; the message says what to
 * install). */
SP_MUST_CHECK int sp_libarchive_load(struct sp_err *err);

#endif
