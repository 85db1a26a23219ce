/**
 * What pages of plugins may rely on, as `../../ui.js`; `docs/plugins.md` says what each is. Whatever is not here may
 * change at any time.
 */

/** The first number changes when plugins may have to, the second with every addition. */
export const UI_VERSION = [1, 0];

export { ApiError, change, get } from "./core/api.js";
export { ago, clock, exact, percent, size, span } from "./core/format.js";
export {
  batch,
  computed,
  effect,
  Fragment,
  html,
  signal,
  useComputed,
  useEffect,
  useMemo,
  useRef,
  useSignal,
  useState,
} from "./core/lib.js";
export { List } from "./core/list.js";
export { listen } from "./core/live.js";
export { go, href, place, setParams } from "./core/place.js";
export { mayAdminister, mayManage, maySubmit, me } from "./core/session.js";
export { ask } from "./ui/dialog.js";
export { FilterField } from "./ui/filters.js";
export { Icon } from "./ui/icon.js";
export { ListView } from "./ui/list_view.js";
export { complain, say } from "./ui/notices.js";
export { Fields, Missing, useFetched } from "./ui/object.js";
export { Progress, Status, Steps } from "./ui/status.js";
export { Table } from "./ui/table.js";
export { Tabs } from "./ui/tabs.js";
export { Copy } from "./ui/values.js";
