/** A setting that does not do what the user probably wants. */
export interface SettingWarning {
  /** The environment variable. */
  readonly variable: string;
  /** The problem. Never contains a value. */
  readonly text: string;
  /** What the user can do about it. */
  readonly advice: string;
}
