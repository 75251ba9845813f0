/* SPDX-License-Identifier: MIT */
/*
 * The database of a sweep. A rollback journal and no write-ahead log: the file may be on a file
 * system that several machines share, where a log's shared memory does not work, and a user
 * who may only read the file can read it at any time.
 */
#include "sweep_db.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION 0x504e5357 /* "PNSW" */
#define FORMAT	    1
#define WAIT_MS	    60000
#define TRY_MS	    50

struct pn_sweep_db {
	const struct pn_sweep *s;
	sqlite3 *sql;
	char path[512];
	bool open; /* a transaction */
	sqlite3_stmt *add, *get, *add_batch, *get_batch;
};

static int failed(struct pn_sweep_db *db, struct pn_diag *d)
{
	int code = sqlite3_errcode(db->sql);

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		return pn_diag_set(d, -EINVAL, db->path, 0,
				   "is no database of a sweep, or damaged (%s)",
				   sqlite3_errmsg(db->sql));
	return pn_diag_set(d, -EIO, db->path, 0, "%s", sqlite3_errmsg(db->sql));
}

static int exec(struct pn_sweep_db *db, const char *text, struct pn_diag *d)
{
	return sqlite3_exec(db->sql, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, d);
}

/* The number that @text gives; -1: none. */
static int64_t scalar(struct pn_sweep_db *db, const char *text)
{
	sqlite3_stmt *st;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db->sql, text, -1, &st, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* ---- tables ---- */

static int run_sql(struct pn_sweep_db *db, sqlite3_str *str, struct pn_diag *d)
{
	char *text = sqlite3_str_finish(str);
	int err = text ? exec(db, text, d) : pn_diag_set(d, -ENOMEM, db->path, 0, "out of memory");

	sqlite3_free(text);
	return err;
}

static int make_tables(struct pn_sweep_db *db, struct pn_diag *d)
{
	sqlite3_str *str = sqlite3_str_new(db->sql);

	sqlite3_str_appendf(
		str,
		"PRAGMA application_id=%d; PRAGMA user_version=%d;"
		"CREATE TABLE sweep(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
		"CREATE TABLE batch(run INTEGER, figure TEXT, batches INTEGER, sd REAL, lag1 REAL,"
		" PRIMARY KEY(run, figure)) WITHOUT ROWID;"
		"CREATE TABLE run(id INTEGER PRIMARY KEY",
		APPLICATION, FORMAT);
	for (unsigned i = 0; i < db->s->axes; i++)
		sqlite3_str_appendf(str, ",\"%w\" TEXT", db->s->axis[i].key);
	sqlite3_str_appendall(str, ",mode TEXT,seed INTEGER,draw INTEGER,violated INTEGER");
	for (unsigned i = 0; i < PN_FIGURES; i++)
		sqlite3_str_appendf(str, ",%s REAL", pn_figures[i].name);
	sqlite3_str_appendall(str, ");");
	return run_sql(db, str, d);
}

static int add_identity(struct pn_sweep_db *db, const char *name, const char *value,
			struct pn_diag *d)
{
	sqlite3_str *str = sqlite3_str_new(db->sql);

	sqlite3_str_appendf(str, "INSERT INTO sweep VALUES(%Q,%Q);", name, value);
	return run_sql(db, str, d);
}

static int make(struct pn_sweep_db *db, struct pn_diag *d)
{
	const char *name;
	char *value;
	int err = make_tables(db, d);

	if (!err)
		err = add_identity(db, "name", db->s->name, d);
	for (unsigned i = 0; !err && pn_sweep_identity(db->s, i, &name, &value); i++) {
		err = add_identity(db, name, value, d);
		free(value);
	}
	return err;
}

/* Long values (a scenario) are not shown. */
static int another(struct pn_sweep_db *db, const char *name, const char *there, const char *here,
		   struct pn_diag *d)
{
	if (strchr(here, '\n') || strchr(there, '\n') || strlen(here) + strlen(there) > 300)
		return pn_diag_set(d, -EINVAL, db->path, 0,
				   "is the database of another sweep: its %s differs (another "
				   "file, or remove it)",
				   name);
	return pn_diag_set(d, -EINVAL, db->path, 0,
			   "is the database of another sweep: %s is \"%s\" there and \"%s\" here "
			   "(another file, or remove it)",
			   name, there, here);
}

static int compare_part(struct pn_sweep_db *db, sqlite3_stmt *st, const char *name,
			const char *here, struct pn_diag *d)
{
	const char *there = "";

	sqlite3_reset(st);
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW)
		there = (const char *)sqlite3_column_text(st, 0);
	return there && !strcmp(there, here) ? 0 : another(db, name, there ? there : "", here, d);
}

/* Nothing of a database that is not ours is changed. */
static int ours(struct pn_sweep_db *db, struct pn_diag *d)
{
	int64_t tables = scalar(db, "SELECT count(*) FROM sqlite_master");

	if (tables < 0)
		return failed(db, d);
	if (tables && (scalar(db, "PRAGMA application_id") != APPLICATION ||
		       scalar(db, "PRAGMA user_version") != FORMAT))
		return pn_diag_set(d, -EINVAL, db->path, 0, "is a database, but not of a sweep");
	return 0;
}

static int compare(struct pn_sweep_db *db, struct pn_diag *d)
{
	sqlite3_stmt *st;
	const char *name;
	char *value;
	int err = 0;

	if (sqlite3_prepare_v2(db->sql, "SELECT value FROM sweep WHERE name=?", -1, &st, NULL) !=
	    SQLITE_OK)
		return failed(db, d);
	for (unsigned i = 0; !err && pn_sweep_identity(db->s, i, &name, &value); i++) {
		err = compare_part(db, st, name, value, d);
		free(value);
	}
	sqlite3_finalize(st);
	return err;
}

/* ---- open and close ---- */

static int prepare(struct pn_sweep_db *db, struct pn_diag *d)
{
	sqlite3_str *str = sqlite3_str_new(db->sql);
	char *text;
	bool ok;

	sqlite3_str_appendall(str, "INSERT OR IGNORE INTO run VALUES(?");
	for (unsigned i = 0; i < db->s->axes + 4 + PN_FIGURES; i++)
		sqlite3_str_appendall(str, ",?");
	sqlite3_str_appendall(str, ")");
	text = sqlite3_str_finish(str);
	ok = text && sqlite3_prepare_v2(db->sql, text, -1, &db->add, NULL) == SQLITE_OK &&
	     sqlite3_prepare_v2(db->sql, "SELECT * FROM run WHERE id=?", -1, &db->get, NULL) ==
		     SQLITE_OK &&
	     sqlite3_prepare_v2(db->sql, "INSERT OR IGNORE INTO batch VALUES(?,?,?,?,?)", -1,
				&db->add_batch, NULL) == SQLITE_OK &&
	     sqlite3_prepare_v2(db->sql, "SELECT figure,batches,sd,lag1 FROM batch WHERE run=?", -1,
				&db->get_batch, NULL) == SQLITE_OK;
	sqlite3_free(text);
	return ok ? 0 : failed(db, d);
}

static int open_tables(struct pn_sweep_db *db, struct pn_diag *d)
{
	int64_t tables;
	int err;

	sqlite3_busy_timeout(db->sql, WAIT_MS);
	err = ours(db, d);
	if (!err)
		err = exec(db,
			   "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; BEGIN IMMEDIATE",
			   d);
	if (err)
		return err;
	db->open = true;
	tables = scalar(db, "SELECT count(*) FROM sqlite_master");
	if (tables < 0)
		return failed(db, d);
	err = tables ? compare(db, d) : make(db, d);
	if (!err)
		err = prepare(db, d);
	return err ? err : pn_sweep_db_flush(db, true, d);
}

static void shut(struct pn_sweep_db *db)
{
	sqlite3_finalize(db->add);
	sqlite3_finalize(db->get);
	sqlite3_finalize(db->add_batch);
	sqlite3_finalize(db->get_batch);
	sqlite3_close(db->sql);
	free(db);
}

int pn_sweep_db_open(const char *path, const struct pn_sweep *s, struct pn_sweep_db **out,
		     struct pn_diag *d)
{
	struct pn_sweep_db *db = calloc(1, sizeof(*db));
	int err;

	*out = NULL;
	if (!db)
		return pn_diag_set(d, -ENOMEM, path, 0, "out of memory");
	db->s = s;
	snprintf(db->path, sizeof(db->path), "%s", path ? path : "temporary database");
	if (sqlite3_open_v2(path ? path : "", &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    NULL) != SQLITE_OK)
		err = failed(db, d);
	else
		err = open_tables(db, d);
	if (err)
		shut(db);
	else
		*out = db;
	return err;
}

int pn_sweep_db_close(struct pn_sweep_db *db, struct pn_diag *d)
{
	int err = pn_sweep_db_flush(db, false, d);

	if (!err && db->open)
		err = pn_diag_set(d, -EIO, db->path, 0,
				  "is locked by a reader: the last runs were not written");
	shut(db);
	return err;
}

/* ---- rows ---- */

static void bind_real(sqlite3_stmt *st, int i, double v)
{
	if (isnan(v))
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_double(st, i, v);
}

static double real_of(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? NAN : sqlite3_column_double(st, i);
}

static int begin(struct pn_sweep_db *db, struct pn_diag *d)
{
	int err;

	if (db->open)
		return 0;
	sqlite3_busy_timeout(db->sql, WAIT_MS);
	err = exec(db, "BEGIN IMMEDIATE", d);
	db->open = !err;
	return err;
}

static int step(struct pn_sweep_db *db, sqlite3_stmt *st, struct pn_diag *d)
{
	int code = sqlite3_step(st), err = code == SQLITE_DONE ? 0 : failed(db, d);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

static int add_batches(struct pn_sweep_db *db, const struct pn_sweep_record *r, struct pn_diag *d)
{
	int err = 0;

	for (unsigned i = 0; i < PN_FIGURES && !err; i++) {
		if (isnan(r->sd[i]))
			continue;
		sqlite3_bind_int64(db->add_batch, 1, (sqlite3_int64)r->id);
		sqlite3_bind_text(db->add_batch, 2, pn_figures[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(db->add_batch, 3, r->batches);
		bind_real(db->add_batch, 4, r->sd[i]);
		bind_real(db->add_batch, 5, r->lag1[i]);
		err = step(db, db->add_batch, d);
	}
	return err;
}

int pn_sweep_db_add(struct pn_sweep_db *db, const struct pn_sweep_record *r, struct pn_diag *d)
{
	const struct pn_sweep *s = db->s;
	struct pn_sweep_run at;
	char mode[64];
	int c = 1, err = begin(db, d);

	if (err)
		return err;
	pn_sweep_at(s, r->id, &at);
	sqlite3_bind_int64(db->add, c++, (sqlite3_int64)r->id);
	for (unsigned i = 0; i < s->axes; i++)
		sqlite3_bind_text(db->add, c++, s->axis[i].values.text[at.value[i]], -1,
				  SQLITE_STATIC);
	sqlite3_bind_text(db->add, c++, pn_mode_text(&s->mode[at.mode], mode, sizeof(mode)), -1,
			  SQLITE_TRANSIENT);
	sqlite3_bind_int64(db->add, c++, (sqlite3_int64)pn_sweep_seed(s, at.seed));
	sqlite3_bind_int64(db->add, c++, at.draw);
	sqlite3_bind_int64(db->add, c++, r->violated);
	for (unsigned i = 0; i < PN_FIGURES; i++)
		bind_real(db->add, c++, r->figure[i]);
	err = step(db, db->add, d);
	return err || !r->batches ? err : add_batches(db, r, d);
}

int pn_sweep_db_flush(struct pn_sweep_db *db, bool wait, struct pn_diag *d)
{
	int code;

	if (!db->open)
		return 0;
	sqlite3_busy_timeout(db->sql, wait ? WAIT_MS : TRY_MS);
	code = sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL);
	if (code == SQLITE_BUSY && !wait)
		return 0;
	if (code != SQLITE_OK)
		return failed(db, d);
	db->open = false;
	return 0;
}

int pn_sweep_db_ids(struct pn_sweep_db *db, void (*each)(void *ctx, uint64_t id), void *ctx,
		    struct pn_diag *d)
{
	sqlite3_stmt *st;
	int code;

	if (sqlite3_prepare_v2(db->sql, "SELECT id FROM run ORDER BY id", -1, &st, NULL) !=
	    SQLITE_OK)
		return failed(db, d);
	while ((code = sqlite3_step(st)) == SQLITE_ROW)
		each(ctx, (uint64_t)sqlite3_column_int64(st, 0));
	sqlite3_finalize(st);
	return code == SQLITE_DONE ? 0 : failed(db, d);
}

static void read_batches(struct pn_sweep_db *db, struct pn_sweep_record *r)
{
	sqlite3_stmt *st = db->get_batch;

	for (unsigned i = 0; i < PN_FIGURES; i++)
		r->sd[i] = r->lag1[i] = NAN;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)r->id);
	while (sqlite3_step(st) == SQLITE_ROW) {
		int i = pn_figure_find((const char *)sqlite3_column_text(st, 0));

		if (i < 0)
			continue;
		r->batches = (uint32_t)sqlite3_column_int64(st, 1);
		r->sd[i] = real_of(st, 2);
		r->lag1[i] = real_of(st, 3);
	}
	sqlite3_reset(st);
}

static void read_row(struct pn_sweep_db *db, sqlite3_stmt *st, struct pn_sweep_record *r)
{
	int c = (int)db->s->axes;

	memset(r, 0, sizeof(*r));
	r->id = (uint64_t)sqlite3_column_int64(st, 0);
	r->violated = (uint32_t)sqlite3_column_int64(st, c + 4);
	for (int i = 0; i < PN_FIGURES; i++)
		r->figure[i] = real_of(st, c + 5 + i);
	if (db->s->batches)
		read_batches(db, r);
}

int pn_sweep_db_get(struct pn_sweep_db *db, uint64_t id, struct pn_sweep_record *out)
{
	int code;

	sqlite3_bind_int64(db->get, 1, (sqlite3_int64)id);
	code = sqlite3_step(db->get);
	if (code == SQLITE_ROW)
		read_row(db, db->get, out);
	sqlite3_reset(db->get);
	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -EIO;
}

int pn_sweep_db_each(struct pn_sweep_db *db,
		     int (*each)(void *ctx, const struct pn_sweep_record *r), void *ctx,
		     struct pn_diag *d)
{
	struct pn_sweep_record r;
	sqlite3_stmt *st;
	int code, err = 0;

	if (sqlite3_prepare_v2(db->sql, "SELECT * FROM run ORDER BY id", -1, &st, NULL) !=
	    SQLITE_OK)
		return failed(db, d);
	while (!err && (code = sqlite3_step(st)) == SQLITE_ROW) {
		read_row(db, st, &r);
		err = each(ctx, &r);
	}
	sqlite3_finalize(st);
	if (err)
		return err;
	return code == SQLITE_DONE ? 0 : failed(db, d);
}
