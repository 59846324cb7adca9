import type { UseProject } from '@devmentor/react';

/**
 * Always there and never disabled: while waiting it says so, while editing it leads back to
 * the form.
 */
export function EditButton(props: { claimState: UseProject['claimState']; isLocked: boolean; onEdit: () => void }) {
  const { claimState, isLocked } = props;
  const isHeld = claimState === 'held' || claimState === 'suspect';
  return (
    <button
      type="button"
      className={isHeld || isLocked ? '' : 'primary'}
      aria-pressed={isHeld}
      onClick={props.onEdit}
      data-testid="edit-button"
    >
      {isHeld ? 'Editing' : claimState === 'claiming' ? (isLocked ? 'Waiting …' : 'Opening …') : 'Edit'}
    </button>
  );
}
