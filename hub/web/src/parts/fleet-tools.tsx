import { useComputed } from '@preact/signals';
import type { RefObject } from 'preact';
import { useApp } from '../app.js';
import type { Filter } from '../fleet.js';
import { SearchField } from './search-field.js';

/** Search and the filters by site and tag. */
interface Tools {
  filter: Filter;
  shown: number;
  search: RefObject<HTMLInputElement | null>;
  onChange(part: Partial<Filter>): void;
}

export const useChoices = () => {
  const { board } = useApp();
  return useComputed(() => {
    board.places.value;
    const sites = new Set<string>();
    const tags = new Set<string>();
    for (const device of board.devices.values()) {
      if (device.site !== null) sites.add(device.site);
      for (const tag of device.tags) tags.add(tag);
    }
    return { sites: [...sites].sort(), tags: [...tags].sort() };
  });
};

export const FleetTools = ({ filter, shown, search, onChange }: Tools) => {
  const { board, siteNames } = useApp();
  const { sites, tags } = useChoices().value;
  const nameOf = (site: string) => siteNames.value.get(site) ?? site;
  return (
    <search class="tools">
      <SearchField field={search} label="Search by name, id, site or tag" text={filter.q} onText={(q) => onChange({ q })} />
      <Choice
        label="Site"
        all="All sites"
        value={filter.site}
        options={sites}
        nameOf={nameOf}
        onPick={(site) => onChange({ site })}
      />
      <Choice label="Tag" all="All tags" value={filter.tag} options={tags} nameOf={String} onPick={(tag) => onChange({ tag })} />
      <span class="push" />
      <output class="quiet">{shown < board.devices.size ? `${shown} of ${board.devices.size}` : ''}</output>
    </search>
  );
};

interface Choices {
  label: string;
  all: string;
  value: string;
  options: string[];
  nameOf(option: string): string;
  onPick(option: string): void;
}
export const Choice = ({ label, all, value, options, nameOf, onPick }: Choices) => {
  if (options.length === 0 && value === '') return null;
  return (
    <select aria-label={label} value={value} onChange={(event) => onPick(event.currentTarget.value)}>
      <option value="">{all}</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {nameOf(option)}
        </option>
      ))}
    </select>
  );
};
