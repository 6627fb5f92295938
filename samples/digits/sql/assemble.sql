-- One row per image: its 64 pixels and the digit that was written.
SELECT
  written_at,
  pixel_00, pixel_01, pixel_02, pixel_03, pixel_04, pixel_05, pixel_06, pixel_07,
  pixel_08, pixel_09, pixel_10, pixel_11, pixel_12, pixel_13, pixel_14, pixel_15,
  pixel_16, pixel_17, pixel_18, pixel_19, pixel_20, pixel_21, pixel_22, pixel_23,
  pixel_24, pixel_25, pixel_26, pixel_27, pixel_28, pixel_29, pixel_30, pixel_31,
  pixel_32, pixel_33, pixel_34, pixel_35, pixel_36, pixel_37, pixel_38, pixel_39,
  pixel_40, pixel_41, pixel_42, pixel_43, pixel_44, pixel_45, pixel_46, pixel_47,
  pixel_48, pixel_49, pixel_50, pixel_51, pixel_52, pixel_53, pixel_54, pixel_55,
  pixel_56, pixel_57, pixel_58, pixel_59, pixel_60, pixel_61, pixel_62, pixel_63,
  digit::VARCHAR AS digit
FROM digits
