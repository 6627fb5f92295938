/** Whether workers may run the code of a tenant that does not administer the platform. */
export const tenantCodeRefusal =
  'its workers run the code of projects with the rights of the platform';
