// The word list as bytes of the library (ELF); CMake gives its place as KINDRED_WORD_RARITY_FILE.
// SPDX-License-Identifier: Apache-2.0
        .section .rodata, "a", %progbits
        .balign 64
        .globl kindred_word_rarity
        .hidden kindred_word_rarity
kindred_word_rarity:
        .incbin KINDRED_WORD_RARITY_FILE
        .globl kindred_word_rarity_end
        .hidden kindred_word_rarity_end
kindred_word_rarity_end:
        .section .note.GNU-stack, "", %progbits
