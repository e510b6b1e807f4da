-- Sentences of a small vocabulary: a few words are in most of them, most words in a few, one in a single sentence.
create unlogged table generated_sentences as
with vocabulary as (
    select word, place
    from unnest(string_to_array(
        'the you I to a is and that it of for can your have we in on my yes please what me at will do not be '
        'with thank okay would one would like this see so no was there are if but from help how number just '
        'call day time our know let need moment appointment order name morning sure anything else tomorrow '
        'address account could today when week bill change right give understand sorry table delivery price '
        'letter open doctor Monday Friday cancel parcel phone possible Tuesday check insurance evening '
        'minutes confirm payment card nurse engine invoice office available garage library brake Thursday '
        'refund ticket contract policy medicine prescription train window heating password gearbox warranty '
        'electrician upgrade passport dentist battery customs voucher cardiologist antenna mortgage pharmacy '
        'zipper umbrella', ' '
    )) with ordinality as listed (word, place)
),
-- The place grows with the power of chance, so a word comes about half as often as the one at half its place (Zipf).
words as (
    select
        sentence,
        position,
        floor(power((select count(*) + 1 from vocabulary), random()))::bigint as place
    from generate_series(1, %(sentences)s) as sentence
    cross join lateral generate_series(1, 3 + sentence * 7919 %% 19) as position
)
select
    sentence,
    string_agg(word, ' ' order by position) || case sentence when 1 then ' xylophone.' else '.' end as text
from words
join vocabulary using (place)
group by sentence
