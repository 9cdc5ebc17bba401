/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of private/deliveries/deliveries.db (docs/formats.md 22). */
#ifndef HM_LEDGER_LEDGER_SCHEMA_H
#define HM_LEDGER_LEDGER_SCHEMA_H

#include "store/database.h"

extern const struct hm_database_schema hm_ledger_schema;

#endif
