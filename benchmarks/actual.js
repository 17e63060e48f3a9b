// Store payments in a budget of Actual and print the processor time of its queries:
// node actual.js <payments.json> <folder> <word> <times>, with NODE_PATH set.
const { readFileSync } = require("node:fs");
const api = require("@actual-app/api");

const [file, dataDir, word, times] = process.argv.slice(2);
const payments = JSON.parse(readFileSync(file, "utf8"));

async function measure(name, query, rows) {
  const taken = [];
  for (let number = 0; number <= Number(times); number += 1) {
    const before = process.cpuUsage();
    const { data } = await api.aqlQuery(query);
    const { user, system } = process.cpuUsage(before);
    if (data.length !== rows) throw new Error(`${name}: ${data.length} rows`);
    taken.push((user + system) / 1000);
  }
  taken.sort((a, b) => a - b);
  return `${name} ${taken[taken.length >> 1].toFixed(1)} ms`;
}

async function main() {
  const { log } = console;
  console.log = () => {}; // the library reports its progress
  await api.init({ dataDir });
  await api.runImport("bench", async () => {
    const group_id = await api.createCategoryGroup({ name: "All" });
    const categories = {};
    for (const name of new Set(payments.map((payment) => payment.category)))
      categories[name] = await api.createCategory({ name, group_id });
    const account = await api.createAccount({ name: "Cash", offbudget: false }, 0);
    await api.addTransactions(
      account,
      payments.map((payment) => ({ ...payment, category: categories[payment.category] })),
    );
  });
  const all = api.q("transactions").select(["date", "amount", "notes", "category.name"]);
  const page = all.orderBy({ date: "desc" }).limit(25);
  const search = all.filter({ notes: { $like: `%${word}%` } });
  const lines = [await measure("list", page, 25), await measure("search", search, 1)];
  log(lines.join(", "));
  await api.shutdown();
}

main();
