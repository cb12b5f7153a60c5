import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Closes its menu when something in it was chosen. */
export const closeMenu = ({ currentTarget }: { currentTarget: EventTarget | null }): void => {
  if (currentTarget instanceof Element) currentTarget.closest('details')?.removeAttribute('open');
};

interface MenuProps {
  title: ComponentChildren;
  label?: string;
  /** How the button looks, beside its usual looks. */
  look?: 'main';
  children: ComponentChildren;
}

/** A menu that closes with Escape, with a click elsewhere, and when something was chosen. */
export const Menu = ({ title, label, look, children }: MenuProps) => {
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const element = box.current;
      if (!element?.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== 'Escape') return;
        element.querySelector('summary')?.focus();
      } else if (event.target instanceof Node && element.contains(event.target)) return;
      element.open = false;
    };
    addEventListener('keydown', close);
    addEventListener('pointerdown', close);
    return () => {
      removeEventListener('keydown', close);
      removeEventListener('pointerdown', close);
    };
  }, []);
  return (
    <details class="menu" ref={box}>
      <summary class={look ? `button ${look}` : 'button'} {...(label ? { 'aria-label': label, title: label } : {})}>
        {title}
      </summary>
      {children}
    </details>
  );
};
