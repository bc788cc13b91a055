// English and Bangla. One locale file is loaded at a time; the choice is kept in the browser.
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import type en from '../locales/en.json';
import { setLang, type Lang } from './format';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    returnNull: false;
  }
}

const STORE = 'lastmile-lang';
const load: Record<Lang, () => Promise<{ default: unknown }>> = {
  en: () => import('../locales/en.json'),
  bn: () => import('../locales/bn.json'),
};

function wished(): Lang {
  try {
    return localStorage.getItem(STORE) === 'bn' ? 'bn' : 'en';
  } catch {
    return 'en';
  }
}

/** Whether a language was chosen in this browser before. */
export function chosenLang(): boolean {
  try {
    return localStorage.getItem(STORE) !== null;
  } catch {
    return false;
  }
}

export function currentLang(): Lang {
  return i18next.language === 'bn' ? 'bn' : 'en';
}

async function fetchLocale(lang: Lang): Promise<void> {
  if (i18next.hasResourceBundle(lang, 'translation')) return;
  const file = await load[lang]();
  i18next.addResourceBundle(lang, 'translation', file.default);
}

export async function startI18n(): Promise<void> {
  const lang = wished();
  setLang(lang);
  document.documentElement.lang = lang;
  await i18next.use(initReactI18next).init({
    lng: lang,
    fallbackLng: false,
    resources: {},
    partialBundledLanguages: true,
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  await fetchLocale(lang);
  await i18next.changeLanguage(lang);
}

export async function switchLang(lang: Lang): Promise<void> {
  await fetchLocale(lang);
  setLang(lang);
  document.documentElement.lang = lang;
  try {
    localStorage.setItem(STORE, lang);
  } catch {
    // Forgotten at the next visit, nothing worse.
  }
  await i18next.changeLanguage(lang);
}
