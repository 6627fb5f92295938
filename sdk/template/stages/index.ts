/** The stages that lifecycles call by name. Export each stage from here. */
export { selectCustomers } from './select-customers';
