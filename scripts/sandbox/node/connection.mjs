// lite's PostgreSQL connection with PostgREST's transaction around each request, in as few round trips as possible.

import { PostgresConnection } from "@supabase/lite/postgres";
import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import { answerFor } from "./errors.mjs";
import { currentRequest, sessionSettings, withRequest } from "./request.mjs";
import { finish, Refusal } from "./responses.mjs";
import { types } from "./types.mjs";

/** One reserved connection whose queries are sent without waiting for the answers of those before them. */
class PipelinedConnection {
  #sql;
  #schemaVersion;
  #opening;

  constructor(sql, schemaVersion) {
    this.#sql = sql;
    this.#schemaVersion = schemaVersion;
  }

  /** Send BEGIN and the settings; what goes wrong with them is thrown by the first query that follows. */
  begin(settings) {
    this.#opening = undefined;
    const note = (error) => (this.#opening ??= error);
    this.#sql.unsafe("begin").catch(note);
    if (!settings) return;
    const calls = settings.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
    this.#sql.unsafe(`select ${calls.join(", ")}`, settings.flat(), { prepare: true }).catch(note);
  }

  async executeQuery({ sql, parameters }) {
    // A changed schema makes prepared plans fail ("cached plan must not change result type"): new text, new plan.
    const text = this.#schemaVersion() === 0 ? sql : `${sql} /* schema ${this.#schemaVersion()} */`;
    let result;
    try {
      result = await this.#sql.unsafe(text, [...parameters], { prepare: true });
    } catch (error) {
      throw this.#opening ?? error;
    }
    const changes = ["INSERT", "UPDATE", "DELETE", "MERGE"].includes(result.command);
    return { rows: Array.from(result), numAffectedRows: changes ? BigInt(result.count) : undefined };
  }

  async end(command) {
    await this.#sql.unsafe(command);
  }

  release() {
    this.#sql.release();
  }
}

/** Kysely's driver over the connections above. */
class PipelinedDriver {
  #postgres;
  #schemaVersion;

  constructor(postgres, schemaVersion) {
    this.#postgres = postgres;
    this.#schemaVersion = schemaVersion;
  }

  async init() {}

  async acquireConnection() {
    return new PipelinedConnection(await this.#postgres.reserve(), this.#schemaVersion);
  }

  async beginTransaction(connection) {
    connection.begin(currentRequest()?.settings);
  }

  async commitTransaction(connection) {
    await connection.end("commit");
  }

  async rollbackTransaction(connection) {
    await connection.end("rollback");
  }

  async releaseConnection(connection) {
    connection.release();
  }

  async destroy() {
    await this.#postgres.end();
  }
}

/** The connection @supabase/lite works with. */
export class DataApiConnection extends PostgresConnection {
  schemaVersion = 0;

  constructor({ url, poolSize }) {
    super({
      url,
      postgresOptions: {
        max: poolSize,
        types,
        onnotice: () => {},
        connection: { application_name: "sandbox data api" },
      },
    });
    this.kysely = new Kysely({
      dialect: {
        createDriver: () => new PipelinedDriver(this.driver, () => this.schemaVersion),
        createQueryCompiler: () => new PostgresQueryCompiler(),
        createAdapter: () => new PostgresAdapter(),
        createIntrospector: (db) => new PostgresIntrospector(db),
      },
    });
  }

  /** Run a request in one transaction; an answer that says "error" undoes it, as PostgREST does. */
  async withContext(vars, run, options) {
    const request = currentRequest();
    if (!request || !vars || options?.transaction || options?.forceRollback) {
      return super.withContext(vars, run, options);
    }
    const settings = sessionSettings(request, vars.auth, options?.rpc);
    request.role = vars.auth?.role || "anon";
    try {
      return await withRequest({ ...request, settings }, () =>
        this.kysely.transaction().execute(async (transaction) => finish(await run(transaction), request)),
      );
    } catch (error) {
      if (error instanceof Refusal) return error.response;
      throw error;
    }
  }

  normalizeDbError(error) {
    return answerFor(error, currentRequest() ?? { role: "anon", path: "/" });
  }

  /** Forget what is known about tables, columns and functions, as PostgREST does on NOTIFY pgrst. */
  async reloadSchema() {
    this.schemaVersion += 1;
    await this.clearSchemaCache();
    await this.introspect({ useCache: false });
  }
}
