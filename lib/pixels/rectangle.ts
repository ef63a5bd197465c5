/** A rectangle in per cent of the picture as people see it; `right` and `bottom` are not in it. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
