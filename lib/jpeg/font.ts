/** Width and height of a letter in dots. */
export const GLYPH_WIDTH = 5, GLYPH_HEIGHT = 7;

/** The glyphs: rows of letters, and below each letter its shape. */
const FONT = String.raw`
  A     B     C     D     E     F     G     H     I     J     K     L     M     N     O     P
 ###  ####   ###  ####  ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ###  ####
#   # #   # #   # #   # #     #     #   # #   #   #      #  #  #  #     ## ## ##  # #   # #   #
#   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # # # # #   # #   #
##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # #  ## #   # ####
#   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #   # #   # #
#   # #   # #   # #   # #     #     #   # #   #   #   #  #  #  #  #     #   # #   # #   # #
#   # ####   ###  ####  ##### #      ###  #   #  ###   ##   #   # ##### #   # #   #  ###  #

  Q     R     S     T     U     V     W     X     Y     Z     0     1     2     3     4     5
 ###  ####   #### ##### #   # #   # #   # #   # #   # #####  ###    #    ###  #####    #  #####
#   # #   # #       #   #   # #   # #   # #   # #   #     # #   #  ##   #   #    #    ##  #
#   # #   # #       #   #   # #   # #   #  # #   # #     #  #  ##   #       #   #    # #  ####
#   # ####   ###    #   #   # #   # # # #   #     #     #   # # #   #      #     #  #  #      #
# # # # #       #   #   #   # #   # # # #  # #    #    #    ##  #   #     #       # #####     #
#  #  #  #      #   #   #   #  # #  ## ## #   #   #   #     #   #   #    #    #   #    #  #   #
 ## # #   # ####    #    ###    #   #   # #   #   #   #####  ###   ###  #####  ###     #   ###

  6     7     8     9     .     ,     :     ;     !     ?     -     +     =     _     /     \
  ##  #####  ###   ###                            #    ###
 #        # #   # #   #              ##    ##     #   #   #         #                   # #
#        #  #   # #   #              ##    ##     #       #         #   #####          #   #
####    #    ###   ####                           #      #  ##### #####               #     #
#   #  #    #   #     #        ##    ##    ##     #     #           #   #####        #       #
#   #  #    #   #    #   ##     #    ##     #                       #               #         #
 ###   #     ###   ##    ##    #           #      #     #                     #####

  (     )     [     ]     <     >     '     "     %     #     &     *     @     |     ~
   #   #     ###   ###     #   #      #    # #  ##     # #   ##          ###    #
  #     #    #       #    #     #     #    # #  ##  #  # #  #  #    #   #   #   #
 #       #   #       #   #       #   #     # #     #  ##### # #   # # #     #   #    #
 #       #   #       #  #         #               #    # #   #     ###   ## #   #   # # #
 #       #   #       #   #       #               #    ##### # # # # # # # # #   #      #
  #     #    #       #    #     #               #  ##  # #  #  #    #   # # #   #
   #   #     ###   ###     #   #                   ##  # #   ## #        ###    #
`;

const glyphs = new Map(
  FONT.slice(1, -1).split("\n\n").flatMap((row) => {
    const [names = "", ...lines] = row.split("\n");
    return [...names.matchAll(/\S/g)].map(({ 0: name, index }) => {
      const left = index - 2;
      return [name, lines.map((line) => line.slice(left, left + GLYPH_WIDTH))] as const;
    });
  }),
);

/**
 * Returns the rows of a letter, `#` for a dot. Lower case is shown as upper case, unknown letters
 * as `?`.
 */
export function glyph(letter: string): readonly string[] {
  return letter === " " ? [] : glyphs.get(letter.toUpperCase()) ?? glyphs.get("?")!;
}
