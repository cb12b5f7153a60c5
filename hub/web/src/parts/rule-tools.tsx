import { useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { type RuleKind, sentenceOf } from '../client.js';
import { defaultRules, fileOfRules, rulesInFile } from '../rule-changes.js';
import type { RulesState } from '../rules-book.js';
import { closeMenu, Menu } from './menu.js';
import type { Review } from './rule-review.js';

/** Adding a rule, and rules as a file. */
export const AddRule = ({ kinds }: { kinds: readonly RuleKind[] }) => (
  <Menu title="Add a rule" look="main">
    <ul>
      {[...kinds]
        .sort((a, b) => Number(b.many) - Number(a.many))
        .map(({ id, title }) => (
          <li key={id}>
            <a href={`/rules?new=${id}`} onClick={closeMenu}>
              {title}
            </a>
          </li>
        ))}
    </ul>
  </Menu>
);

interface FileProps {
  state: RulesState;
  may: boolean;
  onReview(review: Review): void;
}

/** A file larger than this holds no rules: the API takes a million bytes. */
const MOST_BYTES = 1_000_000;

export const RuleFile = ({ state, may, onReview }: FileProps) => {
  const { client, notice } = useApp();
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File) => {
    try {
      const found = file.size > MOST_BYTES ? null : rulesInFile(await file.text());
      if (!found) {
        notice.value = `"${file.name}" holds no rules: it must be a file that "Export" made, or a JSON list of rules.`;
        return;
      }
      const { items } = await client.checkRules(found);
      notice.value = null;
      onReview({ title: `Import ${file.name}`, rules: items, whole: false });
    } catch (error) {
      notice.value = sentenceOf(error);
    }
  };
  return (
    <Menu title="File">
      <ul>
        <li>
          <ExportButton state={state} />
        </li>
        {may && (
          <>
            <li>
              <button
                type="button"
                onClick={(event) => {
                  closeMenu(event);
                  input.current?.click();
                }}
              >
                Import…
              </button>
            </li>
            <li>
              <button
                type="button"
                onClick={() => onReview({ title: 'Back to defaults', rules: defaultRules(state.kinds), whole: true })}
              >
                Back to defaults…
              </button>
            </li>
          </>
        )}
      </ul>
      <input
        ref={input}
        class="unseen"
        type="file"
        aria-label="File of rules"
        tabIndex={-1}
        accept="application/json,.json"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) void take(file);
        }}
      />
    </Menu>
  );
};

const ExportButton = ({ state }: { state: RulesState }) => {
  const save = (event: { currentTarget: HTMLElement }) => {
    closeMenu(event);
    const link = document.createElement('a');
    link.download = 'muster-rules.json';
    link.href = URL.createObjectURL(new Blob([fileOfRules(state.items)], { type: 'application/json' }));
    link.click();
    // The download has begun by then; the memory is given back.
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return (
    <button type="button" onClick={save}>
      Export
    </button>
  );
};
