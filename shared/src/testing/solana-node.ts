/** A Solana node with a small chain of its own, as it answers JSON-RPC; for tests. Base-58 texts stand for keys and signatures. */
export interface SolanaNode {
  /** Opens a token account. */
  open(account: string, owner: string, mint: string, amount?: bigint): void;
  close(account: string): void;
  /** One finalised transaction; answers its signature. Amounts by token account, what goes out negative. */
  transact(moves: Record<string, bigint>, options?: { at?: number; failed?: boolean; blockTime?: null }): string;
  /** The body of an HTTP reply. */
  answer(body: string): string;
  /** Transactions before this slot are forgotten; a node without long-term storage. */
  pruneBelow(slot: number): void;
  /** How an unknown `before` is answered. */
  unknown: 'error' | 'empty';
  /** Answers by a plug of the test in place of the chain. */
  intercept: ((method: string, params: readonly unknown[]) => object | undefined) | null;
  /** Signatures that the node leaves out of its lists. */
  hidden: Set<string>;
  asked: string[];
  slot: number;
}

interface Account {
  owner: string;
  mint: string;
  amount: bigint;
}
interface Kept {
  signature: string;
  slot: number;
  accounts: string[];
  failed: boolean;
  time: number | null;
  pre: object[];
  post: object[];
}

const DECIMALS = 8;
const START_S = 1_761_782_400;

export const createSolanaNode = (): SolanaNode => {
  const accounts = new Map<string, Account>();
  const kept: Kept[] = [];
  let lowest = 0;

  const balances = (names: readonly string[]) => balancesOf(accounts, names);

  const methods: Record<string, (params: readonly unknown[]) => object> = {
    getTokenAccountsByOwner: ([owner, filter]) => {
      const { mint } = filter as { mint: string };
      const found = [...accounts].filter(([, account]) => account.owner === owner && account.mint === mint);
      const value = found.map(([pubkey, account]) => ({ pubkey, account: { data: dataOf(account) } }));
      return { result: { context: { slot: node.slot }, value } };
    },
    getAccountInfo: ([name]) => {
      const account = accounts.get(String(name));
      return { result: { context: { slot: node.slot }, value: account ? { data: dataOf(account) } : null } };
    },
    getSignaturesForAddress: ([name, options]) => {
      const { limit, before } = options as { limit: number; before?: string };
      const all = kept.filter(({ accounts: named, slot }) => named.includes(String(name)) && slot >= lowest).reverse();
      const at = before === undefined ? -1 : all.findIndex(({ signature }) => signature === before);
      if (before !== undefined && at < 0) {
        return node.unknown === 'empty'
          ? { result: [] }
          : { error: { code: -32020, message: `Transaction ${before} not found` } };
      }
      const rows = all.slice(at + 1, at + 1 + limit).filter(({ signature }) => !node.hidden.has(signature));
      return { result: rows.map(rowOf) };
    },
    getTransaction: ([signature]) => ({
      result: transactionOf(kept.find((one) => one.signature === signature && one.slot >= lowest)),
    }),
    getBlockTime: ([slot]) => ({ result: START_S + Number(slot) }),
  };

  const node: SolanaNode = {
    unknown: 'error',
    intercept: null,
    hidden: new Set(),
    asked: [],
    slot: 100,
    open: (account, owner, mint, amount = 0n) => void accounts.set(account, { owner, mint, amount }),
    close: (account) => void accounts.delete(account),
    pruneBelow: (slot) => {
      lowest = slot;
    },
    transact(moves, { at, failed = false, blockTime } = {}) {
      node.slot += 100;
      const names = Object.keys(moves);
      const pre = balances(names);
      for (const [name, delta] of failed ? [] : Object.entries(moves)) {
        const account = accounts.get(name);
        if (account) account.amount += delta;
      }
      const signature = `Sig${node.slot}${'1'.repeat(60)}`;
      const time = blockTime === null ? null : Math.floor((at ?? (START_S + node.slot) * 1_000) / 1_000);
      kept.push({ signature, slot: node.slot, accounts: names, failed, time, pre, post: balances(names) });
      return signature;
    },
    answer(body) {
      const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: unknown[] };
      node.asked.push(method);
      const none = () => ({ error: { code: -32601, message: 'Method not found' } });
      return JSON.stringify({ jsonrpc: '2.0', id, ...(node.intercept?.(method, params) ?? (methods[method] ?? none)(params)) });
    },
  };
  return node;
};

const balancesOf = (accounts: ReadonlyMap<string, Account>, names: readonly string[]) =>
  names.flatMap((name, index) => {
    const account = accounts.get(name);
    if (!account) return [];
    const { amount, mint, owner } = account;
    const uiTokenAmount = { amount: `${amount}`, decimals: DECIMALS, uiAmount: Number(amount) / 1e8 };
    return [{ accountIndex: index + 1, mint, owner, programId: 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA', uiTokenAmount }];
  });

const dataOf = ({ owner, mint, amount }: Account) => {
  const tokenAmount = { amount: `${amount}`, decimals: DECIMALS, uiAmountString: `${amount}` };
  return {
    program: 'spl-token',
    parsed: { type: 'account', info: { mint, owner, state: 'initialized', tokenAmount } },
    space: 165,
  };
};

const errorOf = ({ failed }: Kept) => (failed ? { InstructionError: [0, { Custom: 1 }] } : null);
const rowOf = (one: Kept) => ({
  ...{ signature: one.signature, slot: one.slot, err: errorOf(one), memo: null },
  ...{ blockTime: one.time, confirmationStatus: 'finalized' },
});
const transactionOf = (one: Kept | undefined) =>
  one
    ? {
        ...{ slot: one.slot, blockTime: one.time, version: 0 },
        meta: { err: errorOf(one), fee: 5_000, preTokenBalances: one.pre, postTokenBalances: one.post },
        transaction: {
          signatures: [one.signature],
          message: {
            accountKeys: ['Payer', ...one.accounts].map((pubkey) => ({ pubkey, signer: pubkey === 'Payer', writable: true })),
          },
        },
      }
    : null;
