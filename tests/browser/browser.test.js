// All tests that need the browser, in one process that starts it once.
import "./charts_tests.js";
import "./docs_tests.js";
import "./page_tests.js";
import "./proxy_tests.js";
import {runTests} from "./browser.js";

runTests();
