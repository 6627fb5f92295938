import { Link } from '@tanstack/react-router';
import { Empty } from '../parts/states';

export function NotFound() {
  return (
    <Empty>
      <p>There is no page with this address.</p>
      <p>
        <Link to="/">Home</Link>
      </p>
    </Empty>
  );
}
