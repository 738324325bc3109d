/** The one entry of every page: styles, htmx, behaviours, islands. */
import "./styles/main.css";
import { copyButtons } from "./behaviours/copy";
import { dialogs } from "./behaviours/dialogs";
import { filters } from "./behaviours/filters";
import { configureHtmx } from "./behaviours/htmx";
import { inbox } from "./behaviours/inbox";
import { palette } from "./behaviours/palette";
import { refresh } from "./behaviours/refresh";
import { shortcuts } from "./behaviours/shortcuts";
import { sidebar } from "./behaviours/sidebar";
import { taskCount } from "./behaviours/taskCount";
import { theme } from "./behaviours/theme";
import { times } from "./behaviours/times";
import { mountIslands } from "./islands";

configureHtmx();
theme();
sidebar();
dialogs();
copyButtons();
times();
filters();
palette();
shortcuts();
inbox();
refresh();
taskCount();
void mountIslands();
