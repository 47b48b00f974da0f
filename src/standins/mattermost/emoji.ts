/** The system emoji this stand-in knows: those agents and people use; the real server knows some 4,000. */
const NAMES = new Set(
  `+1 -1 thumbsup thumbsdown eyes hammer hammer_and_wrench wrench white_check_mark heavy_check_mark ballot_box_with_check
  x negative_squared_cross_mark heavy_multiplication_x warning no_entry no_entry_sign octagonal_sign stop_sign question
  grey_question exclamation grey_exclamation bangbang hourglass hourglass_flowing_sand stopwatch timer_clock alarm_clock
  repeat arrows_counterclockwise recycle fast_forward rewind arrow_forward pause_button double_vertical_bar
  black_square_for_stop stop_button arrow_up arrow_down arrow_left arrow_right leftwards_arrow_with_hook
  rocket tada sparkles star star2 fire boom zap bulb mag mag_right memo pencil pencil2 clipboard books book bookmark
  pushpin paperclip link lock unlock key bell no_bell speech_balloon thought_balloon robot robot_face computer gear
  heart broken_heart 100 clap wave raised_hands pray ok_hand point_up point_down point_left point_right muscle
  smile smiley grinning grin joy laughing slightly_smiling_face wink blush thinking thinking_face neutral_face
  confused cry sob scream rage sweat sweat_smile sunglasses sleeping zzz facepalm man_facepalming shrug
  one two three four five six seven eight nine zero keycap_ten a b o ok new cool free up red_circle large_blue_circle
  white_circle black_circle large_green_circle large_yellow_circle green_heart blue_heart yellow_heart checkered_flag
  triangular_flag_on_post construction rotating_light ambulance bug package truck ship airplane coffee beer pizza
  hand raised_hand hand_splayed crossed_fingers handshake dart trophy medal moneybag chart_with_upwards_trend`.split(
    /\s+/,
  ),
);

/** Whether the name is a known emoji; an unknown one is 404 (recorded: 33). */
export function isSystemEmoji(name: string): boolean {
  return NAMES.has(name);
}
