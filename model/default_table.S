// The table of the model `default` as bytes of the library (ELF); CMake gives its place as
// KINDRED_DEFAULT_TABLE_FILE.
// SPDX-License-Identifier: Apache-2.0
        .section .rodata, "a", %progbits
        .balign 64
        .globl kindred_default_table
        .hidden kindred_default_table
kindred_default_table:
        .incbin KINDRED_DEFAULT_TABLE_FILE
        .globl kindred_default_table_end
        .hidden kindred_default_table_end
kindred_default_table_end:
        .section .note.GNU-stack, "", %progbits
