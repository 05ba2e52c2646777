/**
 * Words in the language of Lab.
 *
 * Lab's server hands out an extension's own catalogue only where a language pack of Jupyter's is
 * installed for that language. The French is therefore part of the extension, and read by Lab's own
 * class: whoever's Lab is set to French has it, pack or not.
 */
import { Gettext } from '@jupyterlab/translation';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';

import french from './french.json';

const DOMAIN = 'nacelle_lab';

export function wordsFor(translator: ITranslator): TranslationBundle {
  const given = translator.load(DOMAIN);
  if (!translator.languageCode.toLowerCase().startsWith('fr')) {
    return given;
  }
  const head = french[''];
  const words = new Gettext({ domain: DOMAIN, locale: head.language });
  const catalogue = { ...french, '': { ...head, pluralForms: head.plural_forms } };
  words.loadJSON(catalogue as unknown as Parameters<Gettext['loadJSON']>[0], DOMAIN);
  return words;
}
