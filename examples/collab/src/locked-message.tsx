import type { VisibleHolder } from '@devmentor/react';
import { Avatar } from './avatar.tsx';

/** Says who is editing, and keeps saying it for as long as it is so. */
export function LockedMessage({ holder, isWaiting }: { holder: VisibleHolder; isWaiting: boolean }) {
  return (
    <div className="banner busy" role="status" data-testid="locked-message">
      <Avatar name={holder.displayName} />
      <div>
        <strong>
          {holder.otherTab
            ? 'You are editing this project in another window'
            : 'Project is being edited by another user'}
        </strong>
        <div className="quiet small">
          <span data-testid="locked-by">{holder.displayName}</span>
          {holder.away ? ' has lost the connection and may be back in a moment' : ' has it open for editing'}
          {isWaiting && ' · waiting for a moment in case it becomes free'}
        </div>
      </div>
    </div>
  );
}
