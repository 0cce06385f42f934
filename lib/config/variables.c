/* SPDX-License-Identifier: Apache-2.0 */
#include "base/i18n.h"
#include "config/config.h"
#include "config/schema.h"

static void look(const struct sp_config_table *table, const char *item,
                 struct sp_complaints *complaints);

static void complain(struct sp_complaints *complaints, struct sp_config_at at,
                     const struct sp_config_row *row, const char *variable)
{
  sp_complaints_add(complaints, at.line, at.column, _("'%s' is $%s, which is not set or empty"),
                    row->key, variable);
}

static void look_at_row(const struct sp_config_row *row, const char *member,
                        struct sp_complaints *complaints)
{
  if (row->kind == SP_KIND_TEXT || row->kind == SP_KIND_PATH) {
    const struct sp_config_text *text = (const struct sp_config_text *)member;
    if (text->variable && !text->text)
      complain(complaints, text->at, row, text->variable);
  }
  if (row->kind == SP_KIND_SECRET) {
    const struct sp_config_secret *secret = (const struct sp_config_secret *)member;
    if (secret->variable && sp_secret_is_empty(&secret->secret))
      complain(complaints, secret->at, row, secret->variable);
  }
  if (row->kind == SP_KIND_MAP)
    look(row->table, member, complaints);
  if (row->kind == SP_KIND_ENTRIES) {
    const struct sp_config_list *list = (const struct sp_config_list *)member;
    for (size_t i = 0; i < list->count; i++)
      look(row->table, (const char *)list->items + i * row->table->size, complaints);
  }
}

static void look(const struct sp_config_table *table, const char *item,
                 struct sp_complaints *complaints)
{
  for (size_t i = 0; i < sp_config_row_count(table); i++) {
    const struct sp_config_row *row = sp_config_row(table, i);
    look_at_row(row, item + row->at, complaints);
  }
}

void sp_config_find_unset(const struct sp_config *config, struct sp_complaints *complaints)
{
  look(&sp_config_schema, (const char *)config, complaints);
  sp_complaints_sort(complaints);
}
