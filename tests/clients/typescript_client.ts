// Create, read, edit and delete with the types that openapi-typescript made.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

declare const process: { env: Record<string, string>; exitCode: number };

const { API, TOKEN } = process.env;
const client = createClient<paths>({
  baseUrl: API,
  headers: { Authorization: `Bearer ${TOKEN}` },
});
const fun: components["schemas"]["ExpenseInputRequest"] = {
  category: "Fun",
  amount: "12.50",
  description: "",
};

async function main(): Promise<void> {
  const made = await client.POST("/api/expenses", { body: fun });
  if (!made.data) throw new Error(made.error?.detail);
  const path = { expense_id: made.data.expense_id };

  const edited = await client.PATCH("/api/expenses/{expense_id}", {
    params: { path },
    body: { amount: "13" },
  });
  if (edited.data?.amount !== "13.00") throw new Error(edited.error?.detail);

  const deleted = await client.DELETE("/api/expenses/{expense_id}", { params: { path } });
  if (deleted.response.status !== 204) throw new Error(deleted.error?.detail);
  const gone = await client.GET("/api/expenses/{expense_id}", { params: { path } });
  if (gone.error?.code !== "not_found") throw new Error("It is still there.");
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
